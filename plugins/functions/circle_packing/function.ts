/** Circles in each row at the start, and the radius that each circle would like to have. */
const ROWS: StaticArray<i32> = [5, 5, 6, 5, 5];
const LIKED: StaticArray<f64> = [
  0.1, 0.1, 0.1, 0.1, 0.1,
  0.1, 0.1, 0.1, 0.1, 0.1,
  0.1, 0.1, 0.1, 0.1, 0.1, 0.1,
  0.1, 0.1, 0.1, 0.1, 0.1,
  0.1, 0.1, 0.1, 0.1, 0.1,
];

/** Rows of circles, a little disturbed; then they push each other apart for a while. */
export function pack(centres: Float64Array): void {
  let at = 0;
  for (let row = 0; row < 5; row++) {
    for (let column = 0; column < ROWS[row]; column++) {
      centres[at] = (column + 0.5) / ROWS[row];
      centres[at + 1] = (row + 0.5) / 5 + 0.02 * Math.sin(7.0 * at);
      at += 2;
    }
  }
  for (let step = 0; step < 100; step++) {
    for (let i = 1; i < 26; i++) {
      for (let j = 0; j < i; j++) push(centres, i, j);
    }
    for (let i = 0; i < 52; i++) centres[i] = Math.min(1 - LIKED[i >> 1], Math.max(LIKED[i >> 1], centres[i]));
  }
}

function push(centres: Float64Array, i: i32, j: i32): void {
  const x = centres[2 * i] - centres[2 * j], y = centres[2 * i + 1] - centres[2 * j + 1];
  const distance = Math.sqrt(x * x + y * y) + 1e-9;
  const over = 0.3 * (LIKED[i] + LIKED[j] - distance) / distance;
  if (over <= 0) return;
  centres[2 * i] += over * x;
  centres[2 * i + 1] += over * y;
  centres[2 * j] -= over * x;
  centres[2 * j + 1] -= over * y;
}
