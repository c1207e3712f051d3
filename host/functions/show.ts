/** What is told of one function: its task and active revision, and its history. */
import { scored, signatures, table } from "../proposers/prompt.ts";
import type { Arena } from "./arena.ts";
import type { Revision } from "./archive.ts";

/** Task, signatures, scores and the active source: for people, or with `json` one JSON object. */
export function show({ entry, archive }: Arena, json?: boolean): string {
  const active = archive.revision(archive.standing().active), start = archive.revision(0);
  const { limits, goal } = entry, { looks } = archive.standing(), aim = goal === undefined ? "" : `, goal ${goal}`;
  if (json) {
    const { cassette: _, file: __, ...task } = entry, { number, score } = active ?? {};
    const was = { active: number ?? null, start: start?.score?.score ?? null, score: null };
    const now = { ...was, ...score, source: active?.source ?? entry.source };
    return JSON.stringify({ ...task, revisions: archive.count(), looks, ...now });
  }
  return [
    `${entry.name}: ${entry.description}`,
    signatures(entry),
    `limits: fuel ${limits.fuel} a call, ${limits.pages} pages of 64 KiB, ${limits.deadlineMs} ms, ${limits.source} characters`,
    `score: ${scored(active?.score, 20)} (start ${scored(start?.score, 0)}${aim}); ` +
    `${archive.count()} revisions, ${looks} looks at held-out data`,
    ...(active?.feedback ?? []).slice(0, 10).map((line) => `  ${line}`),
    `active: revision ${active?.number ?? "0, not scored yet"}\n\n${(active?.source ?? entry.source).trimEnd()}`,
  ].join("\n");
}

/** The revisions that won, and the latest; with `json` a JSON object a line. */
export function history({ entry, archive }: Arena, json?: boolean): string {
  if (archive.count() === 0 && !json) return `"${entry.name}" has no revisions yet: fn evolve ${entry.name}`;
  const { active } = archive.standing();
  const rows = new Map<number, Revision>();
  for (const one of [...archive.list("accepted", 30), ...archive.list("recent", 20)]) rows.set(one.number, one);
  const sorted = [...rows.values()].sort((a, b) => a.number - b.number).map((one) => line(one, active));
  const more = archive.count() - sorted.length;
  const head = ["revision", "state", "score", "fuel", "by", "from", "at"];
  return table(head, sorted, json) + (more > 0 && !json ? `\n${more} more are in the database` : "");
}

function line({ number, parent, state, kind, score, fuel, proposer, at, front }: Revision, active: number) {
  const won = number === active ? "active" : front ? "front" : "accepted";
  const now = state === "accepted" || number === active ? won : `rejected: ${kind}`;
  return [number, now, score, fuel, proposer, parent ?? undefined, `${new Date(at).toISOString().slice(0, 19)}Z`];
}
