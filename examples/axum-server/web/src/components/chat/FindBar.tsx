import { useEffect, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Icon } from '../base/Icon'
import { textOf, type Row } from './rows'

/** Finds rows by what they say. The browser's own search sees only those that are on the screen. */
export function FindBar(props: { rows: readonly Row[]; onGo: (row: number) => void; onClose: () => void }) {
  const { rows, onGo, onClose } = props
  const { t } = useTranslation()
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => input.current?.focus(), [])
  const hits = useMemo(() => {
    const words = query.trim().toLowerCase()
    if (words === '') return []
    return rows.flatMap((row, index) => (textOf(row).toLowerCase().includes(words) ? [index] : []))
  }, [rows, query])
  const go = (to: number) => {
    const next = (to + hits.length) % hits.length
    const row = hits[next]
    if (row === undefined) return
    setAt(next)
    onGo(row)
  }
  return (
    <form
      className="find"
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        go(at - 1)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onClose()
      }}
    >
      <Icon name="search" />
      <input
        ref={input}
        type="search"
        value={query}
        aria-label={t('chat.find')}
        placeholder={t('chat.find')}
        onChange={(event) => {
          setQuery(event.target.value)
          // The newest is most likely what is meant.
          setAt(0)
        }}
      />
      <span className="muted" role="status">
        {query.trim() !== '' && (hits.length === 0 ? t('chat.findNone') : t('chat.findOf', { at: at + 1, count: hits.length }))}
      </span>
      <button type="submit" className="button" disabled={hits.length === 0}>
        {t('chat.previous')}
      </button>
      <button type="button" className="button" disabled={hits.length === 0} onClick={() => go(at + 1)}>
        {t('chat.next')}
      </button>
      <button type="button" className="icon-button" aria-label={t('app.close')} onClick={onClose}>
        <Icon name="cross" />
      </button>
    </form>
  )
}
