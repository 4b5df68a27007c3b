import { expect, test } from 'vitest'

import { Chunks } from './chunks'

const paragraph = (n: number) => `Paragraph ${n}. ${'word '.repeat(60)}`

test('a short text is one piece', () => {
  expect(new Chunks().of('a\n\nb')).toEqual(['a\n\nb'])
  expect(new Chunks().of('')).toEqual([''])
})

test('pieces together are the text, whichever way it grows, and what is finished stays', () => {
  const text = Array.from({ length: 40 }, (_, n) => paragraph(n)).join('\n\n')
  const whole = new Chunks().of(text)
  expect(whole.length).toBeGreaterThan(5)
  expect(whole.join('')).toBe(text)

  const growing = new Chunks()
  let before: readonly string[] = []
  for (let at = 0; at <= text.length; at += 97) {
    const now = growing.of(text.slice(0, at))
    expect(now.slice(0, before.length - 1)).toEqual(before.slice(0, -1))
    before = now
  }
  expect(growing.of(text)).toEqual(whole)
})

test('blank lines within code end no piece', () => {
  const code = `\`\`\`js\n${'a();\n\n'.repeat(600)}\`\`\`\n`
  const pieces = new Chunks().of(`${code}\n${paragraph(1)}`)
  expect(pieces[0]).toBe(`${code}\n`)
})

test('a list goes on over a blank line', () => {
  const item = `- ${'word '.repeat(400)}\n\n  more of it\n\n`
  const pieces = new Chunks().of(item.repeat(3) + paragraph(1))
  expect(pieces.every((piece) => !piece.startsWith('  '))).toBe(true)
})

test('code that is too long is cut, and goes on as code', () => {
  const lines = 'x = 1;\n'.repeat(5_000)
  const pieces = new Chunks().of(`\`\`\`js\n${lines}\`\`\`\nafter`)
  expect(pieces.length).toBeGreaterThan(2)
  for (const piece of pieces) expect(piece.startsWith('```js\n')).toBe(true)
  expect(pieces.at(-1)).toContain('```\nafter')
})

test('a line without an end is cut between words', () => {
  const text = 'The quick brown fox '.repeat(5_000)
  const pieces = new Chunks().of(text)
  expect(pieces.join('')).toBe(text)
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(30_000)
  expect(pieces.slice(0, -1).every((piece) => piece.endsWith(' '))).toBe(true)

  const growing = new Chunks()
  let longest = 0
  for (let at = 0; at <= text.length; at += 1_013) longest = Math.max(longest, growing.of(text.slice(0, at)).at(-1)?.length ?? 0)
  expect(growing.of(text).every((piece, at) => pieces[at] === piece)).toBe(true)
  // The open piece is cut where it ends, so nothing moves out of it.
  expect(longest).toBeLessThan(14_000)
  const grown = new Chunks().of(`${text}\n\nmore`)
  expect(pieces.slice(0, -1).every((piece, at) => grown[at] === piece)).toBe(true)
})

test('a text that is another one begins anew', () => {
  const chunks = new Chunks()
  chunks.of(paragraph(1).repeat(100))
  expect(chunks.of('short')).toEqual(['short'])
})
