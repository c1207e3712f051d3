/** A number whose order is that of the sort: -0 before 0, NaN last. */
function rank(value: f64): i64 {
  if (value != value) return i64.MAX_VALUE;
  const bits = reinterpret<i64>(value);
  return bits < 0 ? bits ^ i64.MAX_VALUE : bits;
}

/** Insertion sort. */
export function sort(values: Float64Array): void {
  for (let i = 1; i < values.length; i++) {
    const value = values[i], order = rank(value);
    let at = i;
    while (at > 0 && rank(values[at - 1]) > order) {
      values[at] = values[at - 1];
      at--;
    }
    values[at] = value;
  }
}
