import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { createJournal } from "./journal.ts";
import { createLog } from "./log.ts";
import { createRedactor, REDACTED } from "./redact.ts";
import { createSessions, sessionFolder } from "./sessions.ts";

const CANARY = 'canary"Zq9/7+x\\ü🙂';
const env = {
  MY_API_KEY: CANARY,
  DB_PASSWORD: "hunter2hunter2",
  SHORT_TOKEN: "abc",
  HOME: "/home/somebody",
  SSH_KEY_PATH: "/home/somebody/.ssh/id",
};
const redact = createRedactor(env, ["given-by-flag-0042"]);

const forms: [string, string][] = [
  ["as it is", CANARY],
  ["JSON-escaped", JSON.stringify({ a: CANARY })],
  ["JSON-escaped twice", JSON.stringify(JSON.stringify({ a: CANARY }))],
  ["URL-encoded", `https://x.test/?q=${encodeURIComponent(CANARY)}`],
  ...["", "u:", "ab"].map((before): [string, string] => [
    `base64 after ${before.length} bytes`,
    `Basic ${new TextEncoder().encode(`${before}${CANARY}`).toBase64()}`,
  ]),
  ["another variable", "connect with hunter2hunter2 now"],
  ["an extra value", "--key given-by-flag-0042"],
];
for (const [name, text] of forms) {
  Deno.test(`A known secret is redacted ${name}`, () => {
    const cleaned = redact(text);
    ok(cleaned.includes(REDACTED), cleaned);
    for (const piece of [CANARY, "Zq9", "hunter2", "0042", new TextEncoder().encode(CANARY).toBase64().slice(4, -6)]) {
      ok(!cleaned.includes(piece), cleaned);
    }
    ok(!createRedactor({})(CANARY).includes(REDACTED), "without the environment the canary stands: the control");
  });
}

const letters = "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0";
const patterns: [string, string, string][] = [
  ["an OpenAI key", `use sk-${letters} now`, `use ${REDACTED} now`],
  ["an OpenRouter key", `"sk-or-v1-${letters}"`, `"${REDACTED}"`],
  ["a GitHub token", `ghp_${letters}.`, `${REDACTED}.`],
  ["a fine-grained GitHub token", `github_pat_${letters}_${letters}`, REDACTED],
  ["an AWS key id", "AKIAIOSFODNN7EXAMPLE", REDACTED],
  ["a Slack token", `xoxb-1234567890-${letters}`, REDACTED],
  ["a Google key", `AIza${letters.slice(0, 35)}`, REDACTED],
  ["a JWT", `eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.${letters}`, REDACTED],
  ["a bearer header", `Authorization: Bearer ${letters}`, `Authorization: Bearer ${REDACTED}`],
  ["a basic header", `"authorization": "Basic dXNlcjpwYXNz"`, `"authorization": "Basic ${REDACTED}"`],
  ["a password in a URL", "postgres://me:pa55w0rd@db/x", `postgres://me:${REDACTED}@db/x`],
  ["a key in a query", "GET /x?a=1&api_key=0123456789&b=2", `GET /x?a=1&api_key=${REDACTED}&b=2`],
  [
    "a private key",
    `a\n-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,AB\n\n${letters}\n-----END RSA PRIVATE KEY-----\nb`,
    `a\n${REDACTED}\nb`,
  ],
  [
    "a private key in JSON",
    `{"k":"-----BEGIN PRIVATE KEY-----\\n${letters}\\n-----END PRIVATE KEY-----\\n"}`,
    `{"k":"${REDACTED}\\n"}`,
  ],
  ["a private key without its end", `-----BEGIN PRIVATE KEY-----\n${letters}`, REDACTED],
];
for (const [name, text, cleaned] of patterns) {
  Deno.test(`The look of ${name} is redacted`, () => {
    equal(redact(text), cleaned);
    equal(redact(redact(text)), cleaned);
  });
}

const harmless = [
  "a task-force-of-many-people-with-hyphens and a risk-assessment",
  "const key = map.get(token); // password",
  "https://example.test/path?page=2&sort=key",
  "git@github.com:a/b.git, ssh://git@host:22/x, see http://127.0.0.1:8080/v1",
  "the bearer of this letter; Bearer authentication is used",
  "/home/somebody/.ssh/id abc /home/somebody",
  "eyJ is how it begins",
  "漢字 🙂 \ud800",
];
for (const text of harmless) Deno.test(`Harmless text stays: ${text.toWellFormed()}`, () => equal(redact(text), text));

Deno.test("Ten megabytes of the worst text are redacted in linear time, which quadratic scans would not end", () => {
  const size = 10_000_000;
  const worst = [
    "sk-",
    "eyJ",
    "://a:",
    "://",
    "-",
    "?key=",
    "Bearer ",
    "-----BEGIN PRIVATE KEY-----",
    "A",
    "AIza",
    " ",
    "\\",
  ];
  for (const piece of worst) {
    const text = `${piece.repeat(Math.ceil(size / piece.length / (piece.length > 1 ? 4 : 1)))} hunter2hunter2`;
    ok(!redact(text).includes("hunter2"));
  }
});

Deno.test("Canaries from environment, error bodies and addresses leave no trace in session, summary, page and journal", async () => {
  const cwd = await Deno.makeTempDir();
  const body =
    `{"error":{"message":"bad key ${CANARY}","url":"https://u:hunter2hunter2@x.test/?key=given-by-flag-0042"}}`;
  const traces = async (redact: (text: string) => string) => {
    const log = createLog({ folder: sessionFolder(cwd, "a"), clock: { now: () => 0 }, redact });
    const journal = createJournal({ path: `${cwd}/.evo/journal.db`, clock: { now: () => 0 }, redact, warn: () => {} });
    const sessions = createSessions({ cwd, id: "a", log });
    log.write("user_input", { text: body });
    log.write("tool_result", { ok: false, text: JSON.stringify({ nested: body }), [CANARY]: 1 });
    journal.fail({ change: body, reason: body, rolledBack: true });
    journal.add({ observation: body, action: body, outcome: body, lessons: [body] });
    log.close();
    const texts = [
      await sessions.summary("a", 9000),
      await sessions.page("a", 0, 9),
      journal.recent(9),
      journal.failures(9),
    ];
    journal.close();
    const files = [log.path(), `${cwd}/.evo/journal.db`].map((path) => Deno.readTextFile(path));
    const all = JSON.stringify(texts) + (await Promise.all(files)).join("");
    await Deno.remove(`${cwd}/.evo`, { recursive: true });
    return ["Zq9", "hunter2", "0042"].filter((canary) => all.includes(canary));
  };
  equal(await traces(redact), []);
  equal(await traces((text) => text), ["Zq9", "hunter2", "0042"], "without redaction they are found: the control");
  await Deno.remove(cwd, { recursive: true });
});
