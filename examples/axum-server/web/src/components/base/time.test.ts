import { expect, test } from 'vitest'

import { ago, duration, isoDuration, span, took } from './time'

test('durations have hours only when there are any, and never run backwards', () => {
  expect([0, 4_200, 135_000, 3_599_999, 3_859_000, 90_061_000, -5_000].map(duration)).toEqual([
    '0:00', '0:04', '2:15', '59:59', '1:04:19', '25:01:01', '0:00',
  ])
  expect(isoDuration(3_859_000)).toBe('PT1H4M19S')
  expect([120, 12_400, 185_000].map(took)).toEqual(['0.1 s', '12.4 s', '3:05'])
})

test('how long ago is said in the language, and the future is now', () => {
  expect(ago(540_000, 'en')).toBe('9m ago')
  expect(ago(540_000, 'zh-CN')).toBe('9分钟前')
  expect(ago(-90_000, 'en')).toBe('0s ago')
  expect(span(360_000, 'en')).toBe('6m')
})
