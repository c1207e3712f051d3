// deno-lint-ignore-file no-control-regex
import { deepStrictEqual as equal, match, ok } from "node:assert/strict";
import { fileURLToPath } from "node:url";
import * as z from "zod";

const child = fileURLToPath(new URL("../testing/fake_child.ts", import.meta.url));
const decoder = new TextDecoder();

async function spawn(args: string[], env: Record<string, string> = {}) {
  const home = await Deno.makeTempDir();
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", child, ...args],
    env: { HISTORY_DIR: home, TERM: "xterm", NO_COLOR: "", ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  return { process, home, clean: () => Deno.remove(home, { recursive: true }) };
}

async function run(args: string[], input: string) {
  const { process, clean } = await spawn(args);
  const writer = process.stdin.getWriter();
  await writer.write(new TextEncoder().encode(input));
  await writer.close();
  const { code, stdout, stderr } = await process.output();
  await clean();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("piped: lines are heard in order, backslash goes on, the last needs no newline, and all are done before the end", async () => {
  const { code, stdout, stderr } = await run(["repl"], "slow\ntwo \\\nthree\r\n\n!é中\nlast");
  equal(code, 0);
  equal(stdout, ["slow", "two \nthree", "!é中", "last"].map((one) => `you said **${one}**\n`).join(""));
  match(stderr, /evo 3> slow\n/);
  ok(!(stdout + stderr).includes("\x1b"), "an escape sequence in a pipe");
});

Deno.test("piped: a question is refused at once and takes no line", async () => {
  const { stdout } = await run(["repl"], "ask\nyes\n");
  match(stdout, /^answer Cannot ask "Sure\?": nobody is at a terminal/);
  match(stdout, /you said \*\*yes\*\*\n$/);
});

Deno.test("print: the answer alone is on stdout, partial text is kept and ends in a newline", async () => {
  const { stdout, stderr } = await run(["print"], "yes\n");
  equal(stdout, "the answer, cut h\nopen\n");
  match(stderr, /^thought, 2 characters\nfailed\nCannot ask/);
});

Deno.test("json: each event is one line, nothing else is on stdout, and U+2028 splits nothing", async () => {
  const { stdout } = await run(["repl", "json"], "hello\n");
  ok(!stdout.includes("\u2028"));
  const events = stdout.trimEnd().split(/[\n\u2028]/).map((line) =>
    z.looseObject({ v: z.literal(1), ts: z.iso.datetime() }).parse(JSON.parse(line))
  );
  equal(events.map(({ type }) => type), ["turn_start", "text_delta", "turn_end"]);
  equal(events[1]?.text, "you said **hello**\u2028");
});

Deno.test("a reader that closes the pipe ends the process quietly", async () => {
  const { process, clean } = await spawn(["repl"]);
  const writer = process.stdin.getWriter();
  const reader = process.stdout.getReader();
  await writer.write(new TextEncoder().encode("flood\n"));
  await reader.read();
  await reader.cancel();
  const { code } = await process.status;
  const stderr = decoder.decode(await new Response(process.stderr).arrayBuffer());
  await writer.close().catch(() => {});
  await clean();
  equal(code, 0);
  ok(!/error|at file/i.test(stderr), stderr);
});

const DRIVER = `
import os, pty, select, sys, time, json, termios, fcntl, struct
steps = json.loads(sys.argv[1]); cols = int(sys.argv[2]); argv = sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, cols, 0, 0))
out = b''; at = 0
def until(mark, seconds=20):
    global out, at
    end = time.time() + seconds
    while mark not in out[at:]:
        if time.time() > end: sys.stdout.buffer.write(out); print('TIMEOUT waiting for', mark); sys.exit(1)
        if select.select([fd], [], [], 0.1)[0]:
            try: data = os.read(fd, 65536)
            except OSError: data = b''
            if not data: return
            out += data
    at = out.index(mark, at) + len(mark)
for mark, keys in steps:
    until(mark.encode())
    if keys.startswith('WAIT'): time.sleep(float(keys[4:8])); keys = keys[8:]
    os.write(fd, keys.encode())
while True:
    try: data = os.read(fd, 65536)
    except OSError: break
    if not data: break
    out += data
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
print('EXIT', os.waitstatus_to_exitcode(status))
`;

const python = await new Deno.Command("python3", {
  args: ["-c", "import pty, termios"],
  stdout: "null",
  stderr: "null",
})
  .output().then(({ success }) => success, () => false);

/** Runs the child on a pseudo-terminal: waits for each mark in the output, then sends the keys. */
async function onTerminal(steps: [mark: string, keys: string][], env: Record<string, string> = {}) {
  const home = await Deno.makeTempDir();
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", DRIVER, JSON.stringify(steps), "60", Deno.execPath(), "run", "-A", "--no-check", child, "repl"],
    env: { HISTORY_DIR: home, TERM: "xterm-256color", NO_COLOR: "", ...env },
    stderr: "inherit",
  }).output();
  const history = await Deno.readTextFile(`${home}/history`).catch(() => "");
  const mode = await Deno.stat(`${home}/history`).then((info) => (info.mode ?? 0) & 0o777, () => 0);
  await Deno.remove(home, { recursive: true });
  return { seen: decoder.decode(stdout), history, mode };
}

Deno.test({
  name:
    "on a real terminal: type, queue, approve after the quiet time, leave with Ctrl-D; history is kept with mode 0600",
  ignore: !python,
  async fn() {
    const { seen, history, mode } = await onTerminal([
      ["evo 3>", "héllo 中\r"],
      ["you said", "\x1b[200~pas\nted\x1b[201~\r"],
      ["you said", "ask\r"],
      ["y = yes", "y"],
      ["> y", "WAIT0.90y"],
      ["answer yes", "WAIT0.30\x7f\x04"],
    ]);
    match(seen, /you said \x1b\[1mhéllo 中\x1b\[22m/);
    match(seen, /EXIT 0/);
    ok(seen.includes("\x1b[?2004h") && seen.trimEnd().includes("\x1b[?2004l\x1b[?25h"));
    equal((seen.match(/\x1b\[[23]J|\x1b\[H|\x1bc/g) ?? []).length, 0);
    equal(mode, 0o600);
    equal(history.split("\n").filter((line) => line !== ""), ['"héllo 中"', '"pas\\nted"', '"ask"']);
  },
});

Deno.test({
  name: "on a real terminal: the first rows of a paragraph are there, once, long before its end",
  ignore: !python,
  async fn() {
    const { seen } = await onTerminal([
      ["evo 3>", "story\r"],
      ["word9 \r", ""],
      ["you said", "WAIT0.30\x04"],
    ]);
    match(seen, /EXIT 0/);
    const first = seen.indexOf("word0 word1 word2 word3 word4 word5 word6 word7 word8 word9 \r");
    ok(first > 0 && first < seen.indexOf("THEN"), "the first row came with the end only");
    equal(seen.match(/word9 \r/g)?.length, 1);
  },
});

Deno.test({
  name: "on a real terminal: Esc interrupts, Ctrl-C twice leaves, and the terminal is cooked again",
  ignore: !python,
  async fn() {
    const { seen } = await onTerminal([["evo 3>", "slow\r"], ["working", "\x1b"], ["heard interrupt", "WAIT0.70\x03"], [
      "again to leave",
      "\x03",
    ]]);
    match(seen, /EXIT 0/);
  },
});

Deno.test({
  name: "on a dumb terminal: plain lines, a prompt, no escape sequence at all",
  ignore: !python,
  async fn() {
    const { seen } = await onTerminal([
      ["evo 3>", "hello\n"],
      ["you said", ""],
      ["evo 3>", "ask\n"],
      ["Sure?", "WAIT0.80yes\n"],
      ["answer yes", ""],
      ["evo 3>", "\x04"],
    ], { TERM: "dumb" });
    match(seen, /you said \*\*hello\*\*/);
    match(seen, /EXIT 0/);
    ok(!seen.replace(/^(\x1b\[0G\x1b\[2K\x1b\[J)+/, "").includes("\x1b")); // `deno run` itself erases its progress
  },
});

Deno.test({
  name: "on a dumb terminal: Ctrl-C interrupts what runs, twice at the prompt leaves",
  ignore: !python,
  async fn() {
    const { seen } = await onTerminal([["evo 3>", "slow\n"], ["slow", "WAIT0.20\x03"], [
      "heard interrupt",
      "WAIT0.60\x03",
    ], [
      "again to leave",
      "\x03",
    ]], { TERM: "dumb" });
    match(seen, /EXIT 0/);
  },
});
