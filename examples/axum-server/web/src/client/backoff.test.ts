import { expect, test } from 'vitest'

import { backoff } from './backoff'

test('tries become rarer, up to a bound, and never in step', () => {
  expect([1, 2, 3, 4, 5, 6, 7, 50].map((attempt) => backoff(attempt, () => 0.5))).toEqual([
    500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000,
  ])
  expect(backoff(1, () => 0)).toBe(400)
  expect(backoff(1, () => 1)).toBe(600)
})
