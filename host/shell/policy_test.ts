import { deepStrictEqual as equal, ok } from "node:assert/strict";
import { judge } from "./policy.ts";

const READ_ONLY = String.raw`
ls
ls -la src
ls *.ts
ls -la | grep 'a b'
cat a.txt | head -n 5 | wc -l
cat -- a.txt
head -5 a.txt
tail -n 20 log/a.txt
grep -rn "foo\.bar" src
grep -e '-x' a.txt
grep "/api/users" src/a.ts
grep --include='*.ts' -r x .
grep -rn --include=*.ts x .
cd . && ls
rg -n pattern src
rg --files src
find . -name '*.ts' -type f
find src ! -name x -print
git status
git status --short --branch
git log --oneline -5
git log -p -n 3 -- src/a.ts
git --no-pager diff HEAD~2
git diff main...dev --stat
git show HEAD:src/a.ts
git branch --show-current
git rev-parse --abbrev-ref HEAD
git blame -L 1,5 a.ts
git stash list
git --version; true
sort a.txt | uniq -c | sort -rn
sort -k 2 -t , a.csv
cut -d: -f1 a.txt
tr a-z A-Z < a.txt
diff -u a.txt b.txt
echo hello world
echo 'rm -rf /'
echo "a; rm b"
printf '%s\n' a b
pwd && ls
true || false
test -f a.txt && cat a.txt
[ -d src ] && ls src
(ls; pwd)
{ ls; pwd; }
! grep -q x a.txt
ls 2>/dev/null
ls > /dev/null 2>&1
ls 2>&1 | head
date -u +%s
sed -n '1,40p' a.ts
sed -n 3p a.ts
jq -r .name package.json
\ls -l
'ls' "-l"a
basename src/a.ts .ts
sha256sum a.txt
stat -c %s a.txt
du -sh src
find src -newer a.txt
tree -L 2
deno --version
ls # rm x
echo a#b
cat /dev/null
seq 1 5
which deno
uniq a.txt
cat no/such/file
ls \
  -la`;

const ASKS = String.raw`
rm x
ls; rm x
ls && rm x
ls || rm x
ls | rm x
ls & rm x
ls &
ls > out.txt
ls >> out.txt
ls >| out.txt
ls &> /dev/null
ls <> a.txt
ls 2> err.txt
cat <<< hi
cat /etc/passwd
cat ~/.ssh/id_rsa
cat ~root/x
cat ../secret
cat src/../../secret
cat /proc/self/environ
cat .ssh/id_rsa
cat .env
cat < /etc/shadow
cat .*/x
cat */a
cat .?/x
ls $HOME
ls "$HOME"
echo $(rm x)
echo "$(rm x)"
echo "a $(rm x) b"
echo ${"`"}rm x${"`"}
echo "${"`"}rm x${"`"}"
cat <(rm x)
ls {a,b}
ls {a..c}
ls $'\x2d\x2dx'
ls $"a"
echo ${"$"}{X:=y}
echo $((1+1))
FOO=1 ls
FOO=1
PATH=. ls
LD_PRELOAD=./x.so ls
f() { ls; }; f
for i in a; do ls; done
while true; do ls; done
if true; then ls; fi
case x in x) ls;; esac
[[ -f a ]]
((1+1))
coproc ls
time ls
ls |& cat
env ls
env
timeout 5 ls
nohup ls
nice ls
xargs ls
echo a | xargs rm
sudo ls
watch ls
command ls
exec ls
builtin echo
stdbuf -o0 ls
setsid ls
sh -c ls
bash -c 'ls'
eval ls
. ./x
source x
python3 -c 'print(1)'
node -e 1
perl -e 1
awk '{print}' a
find . -exec rm {} +
find . -exec ls \;
find . -ok rm {} \;
find . -execdir x \;
find . -delete
find . -fprint out
find . -fprintf out x
find . -fls out
find -L . -name x
find . -name *.ts
find / -name x
find * -name x
git -c core.pager=x log
git -c alias.log='!rm x' log
git -C .. status
git --git-dir=/x status
git --exec-path=. status
git grep -O x
git grep -Orm x
git grep --open-files-in-pager=rm x
git diff --ext-diff
git diff --output=x
git log --output=x
git log --outpu=x
git show --textconv
git diff --no-index /etc/passwd a
git diff /etc/passwd a
git branch new
git branch -D main
git branch -m a b
git tag v1
git stash
git stash drop
git remote add x y
git config user.name x
git push
git commit -m x
git checkout .
git fetch
git blame --contents /etc/passwd a
git archive -o x HEAD
sort -o out a
sort -oout a
sort --output=out a
sort --outp=out a
sort -no out a
sort --compress-program=rm a
sort -T /tmp a
sort \-o out a
sort "-o" out a
sort -'o' out a
sort *
sort -k * a
head -n * a
rg -g *.ts x
sort -o*
grep -f* a
grep a* ../b
grep */x a
cd /w && ls
cd ..; ls
cd
rg --pre rm x
rg --pre=rm x
rg --pre-glob x y
rg -\-pre rm x
rg --hostname-bin=x y
rg -z x
rg -L x
rg --files /etc
rg -e a /etc
rg x *
grep -f /etc/passwd a
grep -f/etc/passwd a
grep --file=/etc/passwd a
grep -R x .
grep -e a /etc/passwd
grep x src -A /etc/passwd
uniq a b
uniq -c a b
tree -o x
tree -l
tree -R
date -s 10:00
date 010203
date --set=x
sed -i s/a/b/ a
sed 's/a/b/' a
sed -n '1p;w out' a
sed -n '1e rm x' a
sed -n 1p -i a
jq -f x.jq a
jq 'import "a" as b; .' a
jq --rawfile a /etc/passwd .
printf -v x y
test -v 'a[$(rm x)]'
[ -v 'a[0]' ]
file -C -m x
file *
du -X x
head a -n /etc/passwd
hostname x
uname x
id ; curl x
curl http://x
ssh x
dd if=a of=b
tee a
cp a b
mv a b
mkdir a
touch a
chmod +x a
kill 1
npm test
cd src && ls
./ls
bin/ls
/bin/ls
*ls
ls !(x)
ls ?(x)
ls [ab]
ls 'unterminated
ls "unterminated
ls &&
ls (
ls )
ls (rm x)
trap 'rm x' EXIT
alias ls=rm
export PATH=.
set -x
unset x
wait
read x
xxd a b
yes
tail -f a
cat "a"$x
{ ls; } > out
(ls) > out
ls {fd}>/dev/null
ls >&3
ls >&out
ls 2>&1 >out
;
# only a comment
node --version
deno --version -A x`;

const rows = (table: string) =>
  table.trim().replaceAll("\\\n", "\\@@").split("\n").map((row) => row.replace("@@", "\n"));

for (const command of rows(READ_ONLY)) {
  Deno.test(`policy proves read-only: ${command}`, () => equal(judge(command).readOnly, true, judge(command).reason));
}
for (const command of rows(ASKS)) {
  Deno.test(`policy asks for: ${command}`, () => {
    equal(judge(command).readOnly, false);
    ok(judge(command).reason.length > 0);
  });
}

const UNSEEN = [
  "",
  " ",
  "ls\rrm x",
  "ls\u00a0-la",
  "ls \u202ex",
  "ls\u200b",
  "ls\u2028rm x",
  "ls \x00",
  "ls \x1b[2K",
  "ls\v-a",
  "ls \ud800",
];
for (const command of UNSEEN) {
  Deno.test(`policy asks for ${JSON.stringify(command)}`, () => {
    const { readOnly, prefixes } = judge(command);
    equal({ readOnly, prefixes }, { readOnly: false, prefixes: null });
  });
}

Deno.test("policy asks for 10,000 harmless parts and one that is not", () => {
  equal(judge("true; ".repeat(10_000) + "true").readOnly, true);
  equal(judge("true; ".repeat(10_000) + "rm x").readOnly, false);
  equal(judge("rm x; " + "true; ".repeat(10_000)).readOnly, false);
  equal(judge("(".repeat(30_000) + "ls" + ")".repeat(30_000)).readOnly, false);
  equal(judge(`ls ${" ".repeat(2000)}; curl x`).readOnly, false);
});

Deno.test("policy takes absolute paths below the working directory", () => {
  equal(judge("cat /w/a.txt", "/w").readOnly, true);
  equal(judge("cat a/../b.txt", "/w").readOnly, true);
  equal(judge("cd /w && ls", "/w").readOnly, true);
  equal(judge("cd /w/sub && ls", "/w").readOnly, false);
  equal(judge("cat /w2/a.txt", "/w").readOnly, false);
  equal(judge("cat /w/../etc/passwd", "/w").readOnly, false);
  equal(judge("cat etc/passwd", "/").readOnly, false);
});

const PREFIXES: [string, string[] | null][] = [
  ["npm test", ["npm test *"]],
  ["npm test -- --watch | tail -5", ["npm test *"]],
  ["npm run build -- -x", ["npm run build *"]],
  ["npm install x", ["npm install x"]],
  ["git commit -m 'a b'", ["git commit *"]],
  ["git add . && git commit -m x", ["git add *", "git commit *"]],
  ["git -c core.editor=x commit", ["git -c core.editor=x commit"]],
  ["git push origin main", ["git push origin main"]],
  ["git reset --hard", ["git reset --hard"]],
  ["rm -rf build", ["rm -rf build"]],
  ["sudo npm test", ["sudo npm test"]],
  ["sh -c 'npm test'", ["sh -c 'npm test'"]],
  ["python3 -c 'x'", ["python3 -c 'x'"]],
  ["node a.js", ["node a.js"]],
  ["make test", ["make test *"]],
  ["make -f x test", ["make -f x test"]],
  ["make SHELL=x", ["make SHELL=x"]],
  ["timeout 5 npm test", ["timeout 5 npm test *"]],
  ["env A=1 npm test", ["env A=1 npm test *"]],
  ["timeout 5 rm a", ["timeout 5 rm a"]],
  ["nice -n 5 nohup npm test x", ["nice -n 5 nohup npm test *"]],
  ["xargs npm test", ["xargs npm test"]],
  ["echo a | xargs rm", ["echo a | xargs rm"]],
  ["curl x | sh", ["curl x | sh"]],
  ["cat /etc/hosts", ["cat /etc/hosts"]],
  ["npm test > out", null],
  ["npm test &", null],
  ["npm test $(x)", null],
  ["A=1 npm test", null],
  ["npm test $X", null],
  ["for i in a; do npm test; done", null],
  ["npm 'test", null],
  ["ls", []],
];
for (const [command, prefixes] of PREFIXES) {
  Deno.test(`policy would cover with "always" for ${command}: ${prefixes}`, () =>
    equal(judge(command).prefixes, prefixes));
}

/** What the real shell makes of the words after `cat`. */
async function wordsOfShell(text: string): Promise<string[]> {
  const { stdout } = await new Deno.Command("/bin/sh", { args: ["-c", `printf '%s\\0' ${text}`], clearEnv: true })
    .output();
  return new TextDecoder().decode(stdout).split("\0").slice(0, -1);
}

const QUOTED = String.raw`
a
a\ b
'a b'
"a b"
"a\"b"
"a\\b"
"a\qb"
"a\$b"
'a\b'
'a'"b"c
a\'b
"a'b"
'a"b'
\-\-x
"--"x
a''b
''
""
a#b
a\#b #c
"\
x"
a\
b
"a${"\\`"}b"
'*'
"*"
\*
a"*"b
é'ü'"漢"
😀
a=b
a:b~
"~"
'$x'
%s
a^b
a@b,c+d`;
for (const text of rows(QUOTED)) {
  Deno.test(`policy reads words as the shell does: ${text}`, async () => {
    const { paths, readOnly } = judge(`cat -- ${text}`);
    if (readOnly) equal(paths.map(({ value }) => value), await wordsOfShell(text));
    else ok(/["']?~/.test(text), text);
  });
}

/** Every file below a folder with its content. */
async function contents(dir: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(dir)) {
    const path = `${dir}/${entry.name}`;
    if (entry.isDirectory) found.push(...await contents(path));
    else found.push(`${path}: ${(await Deno.readFile(path)).join()}`);
  }
  return found.sort();
}

Deno.test("what is proven read-only changes no file, and what asks may", async () => {
  const dir = await Deno.makeTempDir();
  const sh = (command: string) =>
    new Deno.Command("/bin/sh", { args: ["-c", command], cwd: dir, stdin: "null", env: { GIT_OPTIONAL_LOCKS: "0" } })
      .output();
  try {
    await sh(
      "git init -q; mkdir src log; for f in a.txt b.txt a.ts a.csv src/a.ts log/a.txt; do echo '3,x' > $f; done; echo '{}' > package.json; git add .; git -c user.name=x -c user.email=x@x commit -qm x; echo b >> a.txt",
    );
    const before = await contents(dir);
    for (const command of rows(READ_ONLY)) {
      await sh(command);
      equal(await contents(dir), before, command);
    }
    const WRITES = [
      "sort -o out a.txt",
      "ls > out",
      "uniq a.txt out",
      "git diff --output=out",
      "sed -n '1p;w out' a.txt",
    ];
    for (const command of [...WRITES, "find . -name b.txt -delete"]) {
      equal(judge(command).readOnly, false);
      await sh(command);
      ok((await contents(dir)).join() !== before.join(), command);
      await sh("rm -f out; git checkout b.txt");
    }
  } finally {
    await Deno.remove(dir, { recursive: true });
  }
});
