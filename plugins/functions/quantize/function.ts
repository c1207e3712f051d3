/** Rounds to quarters between -8 and 8: 65 levels. */
export function quantize(x: f64): f64 {
  const level = Math.floor(x * 4 + 0.5) / 4;
  return Math.min(8, Math.max(-8, level));
}
