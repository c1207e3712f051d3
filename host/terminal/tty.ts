/** The terminal of a person: raw keys in, output above a live region of at most three rows. */
import { createActivity } from "../render/activity.ts";
import { createAsking } from "./asking.ts";
import { createCanvas } from "./canvas.ts";
import { expand } from "../editor/editor.ts";
import { createFeed } from "../render/feed.ts";
import { createInbox } from "./inbox.ts";
import { createKeys } from "../editor/keys.ts";
import { loadLexer } from "../render/markdown.ts";
import { drawPrompt } from "../editor/prompt.ts";
import { createRaw } from "./raw.ts";
import { oneLine, safe } from "../render/safe.ts";
import { createPaint } from "../render/style.ts";
import type { OpenTerminal, TerminalOptions } from "./terminal.ts";
import { createTyping } from "../editor/typing.ts";
import { ending, fold } from "../render/width.ts";
import type { Writer } from "./writer.ts";

/** Opens the terminal. It takes raw mode at the first `listen` or `ask` and gives it back in `close`. */
export function createTty(
  options: TerminalOptions,
  { writer, color }: { writer: Writer; color: boolean },
): OpenTerminal {
  const { promptLabel, history, pending, signals, stdin } = options;
  const now = options.clock?.now ?? Date.now;
  const columns = () => Math.max(8, options.columns() || 80);
  const paint = createPaint(color);
  const feed = createFeed({ columns, color, paint }, promptLabel);
  const activity = createActivity(now);
  const inbox = createInbox(pending?.lines ?? []);
  const status = () => activity.row(now(), ending(oneLine(feed.tail().slice(-1000)), columns() - 1));
  const canvas = createCanvas(writer, () => {
    if (raw.state() === "suspended") return "hold";
    if (raw.state() !== "raw") return undefined;
    const page = { label: promptLabel(), columns: columns(), paint };
    return drawPrompt(typing.prompt(), { view: asking.view(), status, ...page });
  });
  const { draw, refresh } = canvas;
  const asking = createAsking({
    now,
    painted: writer.done,
    refresh,
    print(question) {
      begin();
      canvas.add(fold(paint("bold", safe(question)), columns()));
      draw();
    },
  });
  const typing = createTyping({ history, sources: options, typed: pending?.typed ?? "", now }, {
    tell: inbox.tell,
    draw,
    suspend: () => void raw.suspend(),
    sent: (text) => (!typing.prompt().working || text.startsWith("/")) && canvas.add(feed.echo(text)),
  });
  const keys = createKeys((key) => {
    if (!asking.press(key)) typing.press(key);
    refresh();
  });
  const raw = createRaw({
    stdin,
    writer,
    signals,
    leave: canvas.leave,
    back: () => (asking.unread(), canvas.redraw()),
    feed: (bytes) => (keys.feed(bytes), draw()),
    hangUp: () => (asking.dismiss(), inbox.tell({ type: "end" })),
  });
  const begin = () => {
    if (raw.state() === "new") typing.load();
    raw.begin();
  };
  let prompted = false;
  let tick: number | undefined;
  return {
    interactive: () => true,
    greet: () => (begin(), draw()),
    listen(hear) {
      begin();
      draw();
      if (!prompted) writer.done().then(() => (options.onFirstPrompt?.(), loadLexer()));
      prompted = true;
      return inbox.listen(hear);
    },
    show(event) {
      activity.note(event);
      if (event.type === "queue") typing.set({ queue: event.lines });
      canvas.add(feed.show(event));
      refresh();
    },
    busy(on) {
      if (on) activity.begin();
      typing.set({ working: on });
      clearInterval(tick);
      tick = on ? setInterval(refresh, 1000) : undefined;
      refresh();
    },
    edit: (text) => (typing.edit(text), refresh()),
    ask: asking.ask,
    pending: () => ({ lines: inbox.lines(), typed: expand(typing.prompt().editor) }),
    done: () => (draw(), writer.done()),
    async close() {
      clearInterval(tick);
      canvas.add(feed.rest());
      draw();
      await raw.close();
      canvas.leave();
      await writer.done();
    },
  };
}
