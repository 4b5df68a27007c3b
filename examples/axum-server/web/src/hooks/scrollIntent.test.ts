import { expect, test } from 'vitest'

import { FOLLOWING, scrollIntent, type ScrollInput, type ScrollIntent } from './scrollIntent'

const after = (...inputs: ScrollInput[]): ScrollIntent => inputs.reduce(scrollIntent, FOLLOWING)
const away: ScrollInput = { type: 'away', canScroll: true }

test('a notch upwards lets go, at any distance', () => {
  expect(after(away).mode).toBe('reading')
  // The page's own last step to the end, told late.
  expect(after(away, { type: 'scrolled', distance: 0, byReader: false }).mode).toBe('reading')
})

test('what has no room to scroll cannot be left', () => {
  expect(after({ type: 'away', canScroll: false }).mode).toBe('following')
})

test('whoever reads is not dragged back by what arrives', () => {
  const intent = after(away, { type: 'appended', rows: 3 }, { type: 'appended', rows: 15 })
  expect(intent).toEqual({ mode: 'reading', fresh: 18 })
})

test('following needs the end, the button or a message', () => {
  expect(after(away, { type: 'scrolled', distance: 5, byReader: true }).mode).toBe('reading')
  expect(after(away, { type: 'scrolled', distance: 4, byReader: true })).toEqual(FOLLOWING)
  expect(after(away, { type: 'appended', rows: 1 }, { type: 'return' })).toEqual(FOLLOWING)
})

test('nothing counts as new for those who follow', () => {
  expect(after({ type: 'appended', rows: 5 })).toEqual(FOLLOWING)
})
