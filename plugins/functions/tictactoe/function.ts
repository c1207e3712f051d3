/** How much each cell is liked. */
const LIKING: StaticArray<i32> = [9, 8, 7, 6, 5, 4, 3, 2, 1];

/** The free cell that is liked best. */
export function move(own: u16, other: u16, opponent: i32): i32 {
  const taken = own | other;
  let best = -1;
  for (let cell = 0; cell < 9; cell++) {
    if ((taken >> <u16>cell) & 1) continue;
    if (best < 0 || LIKING[cell] > LIKING[best]) best = cell;
  }
  return best;
}
