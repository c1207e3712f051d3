/** Bounds what is done at the same time. */

/** At most so many jobs at a time; the others wait in order, but for one that goes before all of them. */
export function createLanes(free: number): <T>(job: () => Promise<T>, how?: { first: boolean }) => Promise<T> {
  const waiting: (() => void)[] = [];
  return async (job, { first } = { first: false }) => {
    if (free-- <= 0) await new Promise<void>((go) => first ? waiting.unshift(go) : waiting.push(go));
    try {
      return await job();
    } finally {
      free += 1;
      waiting.shift()?.();
    }
  };
}
