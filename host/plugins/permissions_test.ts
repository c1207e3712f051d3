import { deepStrictEqual as equal, match } from "node:assert/strict";
import type { Permissions } from "../../actors/plugins.ts";
import { asksNothing, covers, describe, resolveAsked } from "./permissions.ts";

/** A working directory with what a plugin might reach for; own plugins lie in `evo/plugins`. */
async function inPlace(
  test: (cwd: string, resolve: (asked: Permissions) => Promise<string>) => Promise<void>,
): Promise<void> {
  const home = await Deno.realPath(await Deno.makeTempDir()), cwd = `${home}/work`;
  for (const path of ["data/in", ".git/hooks", ".evo/plugins", "evo/plugins", "nested/.git"]) {
    await Deno.mkdir(`${cwd}/${path}`, { recursive: true });
  }
  await Deno.mkdir(`${home}/outside`);
  await Deno.symlink("../outside", `${cwd}/away`);
  await Deno.symlink("data", `${cwd}/near`);
  await Deno.symlink(".evo", `${cwd}/sly`);
  try {
    await test(cwd, async (asked) => {
      const done = await resolveAsked(asked, { self: [], cwd, closed: [`${cwd}/.evo/plugins`, `${cwd}/evo/plugins`] });
      return done.ok ? `${done.value.words} = ${Object.values(done.value.granted).flat().join(" ")}` : done.error;
    });
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

Deno.test("What is asked for is resolved to real paths and plain names, and said in full", () =>
  inPlace(async (cwd, resolve) => {
    const cases: [Permissions, string][] = [
      [{}, " = "],
      [{ read: ["data"] }, `read data = ${cwd}/data`],
      [{ read: ["data/../data/in/new/file.txt"] }, `read data/in/new/file.txt = ${cwd}/data/in/new/file.txt`],
      [{ read: [`${cwd}/data`] }, `read data = ${cwd}/data`],
      [{ read: ["near"] }, `read data = ${cwd}/data`],
      [{ read: ["a b, net evil"] }, `read "a b, net evil" = ${cwd}/a b, net evil`],
      [{ read: ["."] }, `read . (everything here, also .env) = ${cwd}`],
      [{ write: ["data"], read: ["data", "data"] }, `read data, write data = ${cwd}/data ${cwd}/data`],
      [{ write: ["new/deep"] }, `write new/deep = ${cwd}/new/deep`],
      [{ net: ["Example.COM:443"] }, "net example.com:443 = example.com:443"],
      [{ env: ["HOME", "GITHUB_TOKEN"] }, "env HOME, env GITHUB_TOKEN (it looks like a secret) = HOME GITHUB_TOKEN"],
      [{ run: ["git"] }, "run git (a program with your rights) = git"],
    ];
    for (const [asked, expected] of cases) equal(await resolve(asked), expected);
  }));

Deno.test("No consent is asked for what could not be safe", () =>
  inPlace(async (_, resolve) => {
    const cases: [Permissions, RegExp][] = [
      [{ read: ["../outside"] }, /^it may not be given read "..\/outside": it is outside the working directory$/],
      [{ read: ["/etc/passwd"] }, /outside/],
      [{ read: ["away"] }, /outside/],
      [{ write: ["away/new"] }, /outside/],
      [{ read: ["data\u202e"] }, /invisible/],
      [{ read: ["data\n"] }, /invisible/],
      [{ write: ["."] }, /reaches ".evo"; ask for a folder apart from that$/],
      [{ write: [".evo"] }, /reaches ".evo"/],
      [{ write: [".evo/plugins/x.ts"] }, /reaches ".evo"/],
      [{ write: [".EVO/x"] }, /reaches ".EVO"/],
      [{ write: [".git/hooks"] }, /reaches ".git"/],
      [{ write: ["sly/plugins"] }, /reaches ".evo"/],
      [{ write: ["nested"] }, /reaches "nested\/.git"/],
      [{ write: ["nested/.git/hooks"] }, /reaches "nested\/.git"/],
      [{ write: ["evo"] }, /reaches "evo\/plugins"/],
      [{ write: ["evo/plugins/a"] }, /reaches "evo\/plugins"/],
      [{ env: ["OPENROUTER_API_KEY"] }, /belongs to Evo/],
      [{ net: ["fine.example"], write: ["data", ".git"] }, /^it may not be given write ".git"/],
    ];
    for (const [asked, expected] of cases) match(await resolve(asked), expected, JSON.stringify(asked));
  }));

Deno.test("A grant covers another only if that one allows nothing more", () => {
  const wide: Permissions = { read: ["/w"], net: ["a", "b"], env: ["X"] };
  const inside: Permissions[] = [{}, { read: [] }, { read: ["/w"] }, { read: ["/w/x"], net: ["b"] }, wide];
  const outside: Permissions[] = [{ read: ["/wide"] }, { read: ["/"] }, { write: ["/w"] }, { net: ["a", "c"] }, {
    run: ["a"],
  }, {
    env: ["XX"],
  }];
  for (const narrow of inside) equal(covers(wide, narrow), true, JSON.stringify(narrow));
  for (const narrow of outside) equal(covers(wide, narrow), false, JSON.stringify(narrow));
  equal([asksNothing({}), asksNothing({ net: [] }), asksNothing({ net: ["a"] })], [true, true, false]);
  equal(describe({ env: ["A", "B"], read: ["x"] }), "read x, env A B");
});
