import { expect, test } from 'vitest'

import type { LogEvent } from './events'
import { Transcript } from './transcript'

let seq = 0
function event(fields: Record<string, unknown>): LogEvent {
  seq += 1
  return { task_id: 't', seq, at: `2026-01-01T00:00:${String(seq % 60).padStart(2, '0')}.000Z`, ...fields } as LogEvent
}

function transcript(...events: Array<Record<string, unknown>>): Transcript {
  seq = 0
  const made = new Transcript()
  for (const fields of events) made.push(event(fields))
  return made
}

const text = (block: string, said: string) => ({ kind: 'text', block, text: said })

test('deltas of a block become one text, and another block another', () => {
  const made = transcript(text('a', 'one '), text('a', 'two'), text('b', 'three'))
  expect(made.messages()).toHaveLength(1)
  expect(made.messages()[0]?.content).toEqual([
    { type: 'text', text: 'one two' },
    { type: 'text', text: 'three' },
  ])
})

test('a message that arrives while the agent speaks stands where it was accepted', () => {
  const made = transcript(
    text('a', 'one'),
    { kind: 'message', message_id: 'm', content: [{ type: 'text', text: 'stop' }], delivery: 'queue' },
    text('a', 'two'),
    { kind: 'message_delivered', message_id: 'm', run: 1 },
  )
  expect(made.messages().map(({ role, delivery }) => [role, delivery])).toEqual([
    ['agent', undefined],
    ['user', 'delivered'],
    ['agent', undefined],
  ])
})

test('what was given out does not change any more', () => {
  const made = transcript(text('a', 'one'))
  const before = made.messages()
  const message = before[0]
  const json = JSON.stringify(before)
  made.push(event(text('a', 'two')))
  made.push(event({ kind: 'turn_ended', reason: 'done' }))
  expect(JSON.stringify(before)).toBe(json)
  expect(made.messages()[0]).not.toBe(message)
  expect(made.messages()).toBe(made.messages())
})

test('a run that is cancelled ends its tools, and says so', () => {
  const made = transcript(
    { kind: 'run_started', run: 1, reason: 'created' },
    { kind: 'tool_call', call_id: 'c', name: 'Bash', title: 'Bash' },
    { kind: 'tool_update', call_id: 'c', status: 'running', output: 'half' },
    { kind: 'cancelled' },
  )
  const [agent, system] = made.messages()
  expect(agent?.content[0]).toMatchObject({ status: 'cancelled', output: 'half' })
  expect(system).toMatchObject({ role: 'system', content: [{ type: 'notice', text: 'Cancelled' }] })
})

test('a turn of many blocks goes on in the next message', () => {
  const made = transcript(...Array.from({ length: 600 }, (_, n) => ({ kind: 'custom', name: 'count', data: { n } })))
  expect(made.messages().map(({ content }) => content.length)).toEqual([256, 256, 88])
})

test('behind a page of the server, a delta goes on with its block', () => {
  seq = 0
  const events = [text('a', 'one '), text('a', 'two')].map(event)
  const folded = new Transcript()
  for (const one of events) folded.push(one)
  const page = structuredClone([...folded.messages()])

  const same = new Transcript(page, events)
  same.push(event(text('a', ' three')))
  expect(same.messages()[0]?.content).toEqual([{ type: 'text', text: 'one two three' }])

  const other = new Transcript(structuredClone(page), events)
  other.push(event(text('b', 'three')))
  expect(other.messages()[0]?.content).toHaveLength(2)

  const ended = new Transcript(structuredClone(page), [...events, event({ kind: 'turn_ended', reason: 'done' })])
  ended.push(event(text('a', 'three')))
  expect(ended.messages()).toHaveLength(2)
})

test('older messages come in front, and none twice', () => {
  const made = transcript(text('a', 'new'))
  const [message] = made.messages()
  if (message === undefined) throw new Error('no message')
  made.prepend([{ ...message, id: '0', seq: 0 }, message])
  expect(made.messages().map(({ id }) => id)).toEqual(['0', '1'])
})

test('kinds from the future are skipped', () => {
  expect(transcript({ kind: 'hologram', rays: 3 }, text('a', 'x')).messages()).toHaveLength(1)
})
