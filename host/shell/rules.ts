/** Which commands are provably read-only, by name and arguments. What is not in these tables is not proven. */

/** One word of a command as the shell will see it; `glob` when it may expand to file names. */
export interface Item {
  value: string;
  glob: boolean;
}

/** A proof: the words that name files, still to be held against the working directory; or the reason why there is none. */
export type Proof = { paths: Item[] } | { reason: string };

interface Rule {
  operands: string;
  glob: boolean;
  flags: Map<string, string>;
}

/**
 * One rule a line: names; operands (`*`: may begin with a glob); short flags as in getopt and long flags.
 * A flag's ending: `:` a value, `?` a value attached, `@` a file name; `#` stands for `-123`.
 */
const TABLE = `
ls; paths*; 1aAbBcCdfFgGhiIlmnNopqQrRsStTuUvxXZ; all almost-all human-readable recursive reverse size sort: time: color? inode
cat tac; paths*; nbAeEstTv; number show-all
head tail; paths*; n:c:qv#; lines: bytes: quiet verbose
wc; paths*; lwcmL; lines words bytes chars
nl; paths; b:n:w:s:
stat; paths*; c:f; format: printf:
du; paths; achskmbxd:; all max-depth: human-readable summarize exclude: apparent-size total
df; paths; hTkmiP; human-readable
file; paths; bi; brief mime mime-type
tree; paths; adfshDCnL:I:P:; noreport dirsfirst gitignore prune
realpath readlink; paths; femn; canonicalize
basename dirname; text; as:z
cmp; paths; slb; silent quiet
diff; paths; uU:qwbBiyNacs; unified? brief ignore-all-space ignore-blank-lines side-by-side color?
comm; paths; 123
cut; paths; d:f:c:b:s; delimiter: fields: characters: complement
tr; text; cdsC; delete squeeze-repeats complement
rev; paths
sort; paths; nrufbdghVzcsk:t:; numeric-sort reverse unique key: field-separator: human-numeric-sort version-sort
uniq; one; cduif:s:w:; count repeated unique ignore-case
sha256sum sha1sum sha512sum md5sum cksum; paths; bt
echo; text; neE
pwd id uname; none; LPugnrsvma
true false : printf sleep seq which type; text
whoami nproc arch; none
grep egrep fgrep; pattern*; nilLcvwEFPorsxaqhHIe:f@A:B:C:m:#; include: exclude: exclude-dir: color? line-number ignore-case
  files-with-matches recursive count word-regexp invert-match extended-regexp fixed-strings only-matching regexp: file@ context:
rg; pattern; nilcwvFSsoxUuqPHINe:f@g:t:T:A:B:C:m:; files hidden no-ignore glob: iglob: type: type-not: context: count ignore-case
  files-with-matches smart-case line-number max-count: no-heading heading json sort: color: multiline fixed-strings word-regexp regexp: file@
jq; pattern; rcesSManj; raw-output compact-output exit-status sort-keys slurp raw-input null-input
git-status; paths; sbu?; short branch porcelain? untracked-files? ignored? long
git-log git-show git-diff; paths; p#n:iS:G:L:wbsU:zMEF; patch stat? oneline graph all branches? tags? decorate? format: pretty? since:
  until: after: before: author: committer: grep: name-only name-status follow merges no-merges reverse first-parent date: abbrev-commit
  shortstat numstat max-count: skip: cached staged word-diff? color? no-color unified: summary no-patch diff-filter: check raw quiet
git-blame; paths; L:wMCselnp; porcelain line-porcelain date: show-email
git-branch; none; arv; list show-current all remotes verbose no-color
git-tag; none; l; list
git-rev-parse; paths; ; short? abbrev-ref? show-toplevel git-dir is-inside-work-tree verify show-prefix
git-ls-files; paths; cdmostz; cached deleted modified others stage exclude-standard
git-ls-tree; paths; rtdlz; name-only full-tree
git-rev-list; paths; n:#; count all max-count: since: until: no-merges merges
git-cat-file; paths; pte
git-describe; paths; ; tags always long dirty? abbrev:
git-merge-base; paths; ; is-ancestor all
git-grep; pattern; nilLcwvEFPoIe:; cached count line-number ignore-case files-with-matches
git-remote; none; v; verbose`;

const RULES = new Map<string, Rule>();
for (const row of TABLE.trim().replaceAll("\n  ", " ").split("\n")) {
  const [names = "", kind = "", short = "", long = ""] = row.split(";").map((cell) => cell.trim());
  const flags = new Map<string, string>();
  for (const [, flag, value = ""] of short.matchAll(/([^:@?])([:@?]?)/g)) flags.set(`-${flag}`, value);
  for (const [, flag, value = ""] of long.matchAll(/([\w-]+)([:@?]?)/g)) flags.set(`--${flag}`, value);
  const rule = { operands: kind.replace("*", ""), glob: kind.endsWith("*"), flags };
  for (const name of names.split(" ")) RULES.set(name.replace(/^git-/, "git "), rule);
}

const OWN_PATTERN = ["-e", "-f", "--regexp", "--file", "--files"];
const FIND_PLAIN = new Set(
  "-print -print0 -ls -prune -empty -not -a -and -o -or ! ( ) -true -false -depth -xdev -mount -readable -writable -executable"
    .split(" "),
);
const FIND_VALUE = new Set(
  ("-name -iname -path -ipath -wholename -type -maxdepth -mindepth -size -mtime -mmin -ctime -cmin -atime -amin -perm -user -group " +
    "-regex -iregex -regextype -links -printf").split(" "),
);

/** Proves that a simple command changes nothing, whatever the files it names hold; else says why it cannot. */
export function prove(words: Item[]): Proof {
  const name = words[0]?.value ?? "";
  const values = words.slice(1).map((word) => word.value);
  if (words[0]?.glob) return { reason: "its name is a pattern" };
  if (name === "find") return proveFind(words.slice(1));
  if (name === "sed") return proveSed(words.slice(1));
  if (name === "date" && values.every((value) => /^(-u|-I|-R|\+.*)$/.test(value))) return { paths: [] };
  if (name === "test" || name === "[") return proveTest(values);
  if ((name === "git" || name === "deno") && values.join(" ") === "--version") return { paths: [] };
  if (name === "git") return proveGit(words);
  if (name === "jq" && values.some((value) => /import|include/.test(value))) {
    return { reason: "a jq program may load modules" };
  }
  return proveByTable(name, words.slice(1));
}

function proveGit(words: Item[]): Proof {
  const at = words[1]?.value === "--no-pager" ? 2 : 1;
  const verb = words[at]?.value ?? "";
  if (`${verb} ${words[at + 1]?.value}` === "stash list") return proveByTable("git tag", words.slice(at + 2));
  return proveByTable(`git ${verb}`, words.slice(at + 1));
}

function proveByTable(name: string, words: Item[]): Proof {
  const rule = RULES.get(name);
  if (!rule) return { reason: `"${name}" is not known to be read-only` };
  const operands: Item[] = [];
  const paths: Item[] = [];
  const seen: string[] = [];
  const queue = words.toReversed();
  for (let word = queue.pop(), ended = false; word; word = queue.pop()) {
    const free = ended || word.value === "-" || !word.value.startsWith("-");
    const inValue = /^--[\w-]+=/.test(word.value);
    if (word.glob && !ended && (free ? /^[*?]/.test(word.value) && !rule.glob : !inValue)) {
      return { reason: `"${word.value}" may expand to a flag of "${name}"` };
    }
    if (free) operands.push(word);
    else if (word.value === "--") ended = true;
    else {
      const flags = takeFlags(word, { rule, queue, operands });
      if (!flags) return { reason: `"${word.value}" of "${name}" is not known to be read-only` };
      seen.push(...flags.seen);
      paths.push(...flags.paths);
    }
  }
  if (rule.operands === "none" && operands.length > 0) {
    return { reason: `"${name}" with an argument may change something` };
  }
  if (rule.operands === "one" && operands.length > 1) return { reason: `the second file of "${name}" is written` };
  if (rule.operands === "pattern" && !operands[0]?.glob && !seen.some((flag) => OWN_PATTERN.includes(flag))) {
    operands.shift();
  }
  return { paths: rule.operands === "text" ? paths : [...paths, ...operands] };
}

/** Reads the flags in one word, taking values from the queue; undefined if one is not in the rule. */
function takeFlags(
  { value: text, glob }: Item,
  { rule, queue, operands }: { rule: Rule; queue: Item[]; operands: Item[] },
): { seen: string[]; paths: Item[] } | undefined {
  if (/^-\d+$/.test(text) && rule.flags.has("-#")) return { seen: ["-#"], paths: [] };
  const [name = "", ...attached] = text.startsWith("--") ? text.split("=") : [];
  const seen: string[] = [];
  for (let at = 1; at < text.length; at++) {
    const flag = name || `-${text[at]}`;
    const value = rule.flags.get(flag);
    if (value === undefined) return undefined;
    seen.push(flag);
    const rest = name ? attached.join("=") : text.slice(at + 1);
    const given = name ? attached.length > 0 : rest !== "";
    if (value === "" && name && given) return undefined;
    if (value === "?" || (value === "" && name)) return { seen, paths: [] };
    if (value === "") continue;
    const item = given ? { value: rest, glob } : queue.pop();
    // A pattern in place of a value may expand to many words, flags among them.
    if (!item || (item.glob && !given)) return undefined;
    // A system that stops looking for flags at the first operand would take this value for a file.
    return { seen, paths: value === "@" || (operands.length > 0 && !given) ? [item] : [] };
  }
  return { seen, paths: [] };
}

function proveFind(words: Item[]): Proof {
  const start = words.findIndex((word) => /^[-(!]/.test(word.value));
  const paths = start < 0 ? words : words.slice(0, start);
  if (paths.some((word) => word.glob && /^[*?]/.test(word.value))) {
    return { reason: "a file name may become a flag of find" };
  }
  const rest = words.slice(paths.length).reverse();
  for (let word = rest.pop(); word; word = rest.pop()) {
    const value = FIND_PLAIN.has(word.value) ? undefined : rest.pop();
    if (word.glob || value?.glob) return { reason: "a file name may become a flag of find" };
    if (word.value === "-newer" && value) paths.push(value);
    else if (!FIND_PLAIN.has(word.value) && !(FIND_VALUE.has(word.value) && value)) {
      return { reason: `"${word.value}" of find is not known to be read-only` };
    }
  }
  return { paths };
}

function proveSed([flag, script, ...files]: Item[]): Proof {
  const plain = flag?.value === "-n" && /^(\d+|\$)(,(\d+|\$))?p$/.test(script?.value ?? "");
  if (plain && files.every((word) => !/^[-*?]/.test(word.value))) return { paths: files };
  return { reason: `sed is known to be read-only only as: sed -n '1,9p' file` };
}

function proveTest(values: string[]): Proof {
  const plain = (value: string) => /^(?!-[vRN]$)[\w.,:@%+ /=!<>\]-]*$/.test(value);
  return values.every(plain) ? { paths: [] } : { reason: "a test with these words may run code" };
}
