/** For tests: drives the executable on a pseudo-terminal, by Python's pty module. */
import { EVO } from "./evo.ts";

const DRIVER = `
import os, pty, select, sys, time, json, termios, fcntl, struct
steps = json.loads(sys.argv[1]); cols = int(sys.argv[2]); argv = sys.argv[3:]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(argv[0], argv)
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 24, cols, 0, 0))
out = b''; at = 0
def read(wait):
    global out
    if not select.select([fd], [], [], wait)[0]: return True
    try: data = os.read(fd, 65536)
    except OSError: data = b''
    out += data
    return data != b''
def until(mark, end):
    global at
    while mark not in out[at:]:
        if time.time() > end:
            os.kill(pid, 9); sys.stdout.buffer.write(out); print('TIMEOUT waiting for', mark); sys.exit(1)
        if not read(0.1): return
    at = out.index(mark, at) + len(mark)
for mark, keys in steps:
    until(mark.encode(), time.time() + 20)
    if keys.startswith('WAIT'):
        end = time.time() + float(keys[4:8]); keys = keys[8:]
        while time.time() < end: read(0.05)
    try: os.write(fd, keys.encode())
    except OSError: break
end = time.time() + 20
while read(0.1):
    if time.time() > end: os.kill(pid, 9); print('TIMEOUT waiting for the end')
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(out)
print('EXIT', os.waitstatus_to_exitcode(status))
`;

/** True if there is a Python that can open a pseudo-terminal. */
export const hasPty: boolean = await new Deno.Command("python3", {
  args: ["-c", "import pty, termios"],
  stdout: "null",
  stderr: "null",
}).output().then(({ success }) => success, () => false);

/**
 * Runs Evo on a terminal: waits for each mark in the output, then sends the keys (after a pause if they begin with WAIT and
 * four digits of seconds, as in `WAIT0.90y`). `seen` is all it wrote, and at last `EXIT` and its code.
 */
export async function drive(
  steps: [mark: string, keys: string][],
  { args, cwd, env, columns = 80 }: { args: string[]; cwd: string; env: Record<string, string>; columns?: number },
): Promise<{ seen: string }> {
  const { stdout } = await new Deno.Command("python3", {
    args: ["-c", DRIVER, JSON.stringify(steps), `${columns}`, EVO ?? "", ...args],
    cwd,
    env,
    clearEnv: true,
    stderr: "inherit",
  }).output();
  return { seen: new TextDecoder().decode(stdout) };
}
