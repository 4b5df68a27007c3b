import { useCallback, useEffect, useState } from 'react'

/** What is typed and not sent yet, kept per task over reloads. */
export function useDraft(name: string): [string, (text: string | ((now: string) => string)) => void] {
  const [draft, setDraft] = useState(() => ({ name, text: read(name) }))
  const text = draft.name === name ? draft.text : read(name)
  if (draft.name !== name) setDraft({ name, text })

  useEffect(() => write(draft.name, draft.text), [draft])

  const set = useCallback(
    (change: string | ((now: string) => string)) =>
      setDraft((now) => ({ name: now.name, text: typeof change === 'string' ? change : change(now.text) })),
    [],
  )
  return [text, set]
}

function read(name: string): string {
  try {
    return localStorage.getItem(PREFIX + name) ?? ''
  } catch {
    return ''
  }
}

function write(name: string, text: string): void {
  try {
    if (text === '') localStorage.removeItem(PREFIX + name)
    else localStorage.setItem(PREFIX + name, text)
  } catch {
    // A full or closed storage costs the draft of a reload, not the typing.
  }
}

const PREFIX = 'tasks.draft.'
