import { describe, expect, test } from 'vitest'

import { ClockEstimate } from './clock'

/** The header of a server whose clock shows `ms`. */
const date = (ms: number) => new Date(ms).toUTCString()
const NOON = Date.parse('2026-01-01T12:00:00.000Z')

describe('the clock of the server', () => {
  test('is taken for the same as long as that is possible', () => {
    const clock = new ClockEstimate()
    clock.sample(date(NOON), NOON + 200, NOON + 250)
    expect(clock.offset).toBe(0)
  })

  test('is found within a second, and nearer with each answer', () => {
    const clock = new ClockEstimate()
    const ahead = 3_600_000
    for (let at = 0; at < 20_000; at += 730) {
      const sent = NOON + at
      // The header leaves the fraction of the second out.
      clock.sample(date(sent + 20 + ahead), sent, sent + 40)
    }
    expect(Math.abs(clock.offset - ahead)).toBeLessThan(150)
  })

  test('may be behind', () => {
    const clock = new ClockEstimate()
    clock.sample(date(NOON - 600_000), NOON, NOON + 10)
    expect(Math.abs(clock.offset + 600_000)).toBeLessThan(1_000)
  })

  test('may be set: what was known before does not hold it back', () => {
    const clock = new ClockEstimate()
    clock.sample(date(NOON), NOON, NOON + 10)
    clock.sample(date(NOON + 7_200_000), NOON + 1_000, NOON + 1_010)
    expect(Math.abs(clock.offset - 7_199_000)).toBeLessThan(1_500)
  })

  test('is not learnt from an answer that does not tell', () => {
    const clock = new ClockEstimate()
    clock.sample(null, NOON, NOON)
    clock.sample('yesterday', NOON, NOON)
    expect(clock.offset).toBe(0)
  })
})
