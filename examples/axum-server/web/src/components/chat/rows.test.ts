import { expect, test } from 'vitest'

import type { Block, TranscriptMessage } from '../../client'
import { Rows } from './rows'

function message(seq: number, content: Block[], more: Partial<TranscriptMessage> = {}): TranscriptMessage {
  return { id: String(seq), role: 'agent', run: 1, seq, last_seq: seq, at: '2026-01-01T00:00:00.000Z', content, ...more }
}

test('events of one name that follow each other are one row', () => {
  const count = (n: number): Block => ({ type: 'custom', name: 'count', data: { n } })
  const rows = new Rows().of([message(1, [count(1), count(2), { type: 'text', text: 'x' }, count(3)])])
  expect(rows.map((row) => [row.kind, row.kind === 'custom' ? row.count : 0])).toEqual([
    ['custom', 2],
    ['text', 0],
    ['custom', 1],
  ])
})

test('rows of a message that did not change are the same, and keys do not depend on what is around', () => {
  const maker = new Rows()
  const [first, second] = [message(1, [{ type: 'text', text: 'a' }]), message(2, [{ type: 'text', text: 'b' }])]
  const before = maker.of([second])
  const after = maker.of([first, second])
  expect(after.at(-1)).toBe(before[0])
})

test('a new run is marked once', () => {
  const rows = new Rows().of([message(1, []), message(2, [], { run: 2, role: 'user' }), message(3, [], { run: 2 })])
  expect(rows.map(({ kind }) => kind)).toEqual(['run', 'user'])
})

test('the newest output of an agent that says nothing itself is its answer', () => {
  const tool = (call_id: string): Block => ({
    ...{ type: 'tool', call_id, name: 'shell', title: 'ls', input: null, output: 'x', status: 'completed' },
    ...{ exit_code: 0, started_at: '2026-01-01T00:00:00.000Z', ended_at: null, parent_id: null },
  })
  const answers = (content: Block[]) => new Rows().of([message(1, content)]).map((row) => row.kind === 'tool' && row.isAnswer)
  expect(answers([tool('1'), tool('2')])).toEqual([false, true])
  expect(answers([tool('1'), { type: 'text', text: 'done' }])).toEqual([false, false])
})
