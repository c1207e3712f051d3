/** A bowl. */
export function surrogate(x: f64, y: f64): f64 {
  return x * x + y * y + 20;
}
