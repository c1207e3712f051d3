/** The nearest of `names` to a mistyped one (edit distance at most a third of its length, at least 2), or undefined. */
export function nearest(name: string, names: string[]): string | undefined {
  const ranked = names.map((one) => ({ one, far: distance(name.toLowerCase(), one.toLowerCase()) }));
  const best = ranked.sort((a, b) => a.far - b.far)[0];
  return best && best.far <= Math.max(2, Math.floor(name.length / 3)) ? best.one : undefined;
}

/** Levenshtein distance (Wagner and Fischer, one row). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(change, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
