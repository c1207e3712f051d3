/** Best fit, in three steps: the less would be left over, the better. */
export function priority(item: f64, remaining: f64): f64 {
  const gap = remaining - item;
  if (gap < 10.0) return 2.0 - 0.01 * gap;
  if (gap < 50.0) return 1.0 - 0.01 * gap;
  return 0.0 - 0.01 * gap;
}
