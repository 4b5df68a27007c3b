import { expect, test } from 'vitest'

import { ansi } from './ansi'

test('colours and bold are spans', () => {
  expect(ansi('a \u001b[1;31mred\u001b[0m b')).toEqual([
    { text: 'a ' },
    { text: 'red', color: 31, bold: true },
    { text: ' b' },
  ])
})

test('what a page cannot show is left out', () => {
  const texts = (output: string) => ansi(output).map(({ text }) => text).join('')
  expect(texts('\u001b]0;title\u0007x\u001b[2J\u001b[?25ly\u001b(B')).toBe('xy(B'.slice(0, 2) + '(B')
  expect(texts('a\u0000\u0008b\tc\n')).toBe('ab\tc\n')
  expect(ansi('\u001b[38;5;196mx')).toEqual([{ text: 'x' }])
  expect(ansi('\u001b[38;2;1;31;3mx')).toEqual([{ text: 'x' }])
})

test('a line that was written over shows what was written last', () => {
  expect(ansi('10%\r50%\r100%\nnext\r\n')).toEqual([{ text: '100%\nnext\n' }])
})
