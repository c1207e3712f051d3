/** The number in decimal. */
export function fizzbuzz(n: u64): string {
  return n.toString();
}
