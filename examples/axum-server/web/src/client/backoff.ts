/** How long to wait before the next try, in milliseconds: doubling, and never quite the same for two pages. */
export function backoff(attempt: number, random: () => number = Math.random): number {
  const plain = Math.min(FIRST * 2 ** Math.max(0, attempt - 1), LONGEST)
  return Math.round(plain * (1 - JITTER + 2 * JITTER * random()))
}

const FIRST = 500
const LONGEST = 15_000
const JITTER = 0.2
