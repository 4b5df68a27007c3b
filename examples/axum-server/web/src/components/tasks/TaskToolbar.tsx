import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import type { StatusCounts, TaskStatus } from '../../client'
import { useChosen } from '../../hooks/useChosen'
import { Icon } from '../base/Icon'

export interface ToolbarProps {
  search: string
  status: string
  counts: StatusCounts | undefined
  onSearch: (search: string) => void
  onStatus: (status: string) => void
}

/** What is looked for, and in which state. */
export function TaskToolbar({ search, status, counts, onSearch, onStatus }: ToolbarProps) {
  const { t } = useTranslation()
  const [shown, choose] = useChosen(status, onStatus)
  const number = (of: TaskStatus) => (counts === undefined ? '' : ` (${counts[of]})`)
  const all = counts === undefined ? '' : ` (${Object.values(counts).reduce((sum, count) => sum + count, 0)})`
  return (
    <div className="toolbar" role="search">
      <SearchBox search={search} onSearch={onSearch} />
      <label className="filter">
        <span className="hidden">{t('tasks.filter.label')}</span>
        <select value={shown} onChange={(event) => choose(event.target.value)}>
          <option value="">{t('tasks.filter.all') + all}</option>
          {STATUSES.map((of) => (
            <option key={of} value={of}>
              {t(`tasks.filter.${of}`) + number(of)}
            </option>
          ))}
        </select>
      </label>
    </div>
  )
}

function SearchBox({ search, onSearch }: Pick<ToolbarProps, 'search' | 'onSearch'>) {
  const { t } = useTranslation()
  const [text, setText] = useState(search)
  const told = useRef(search)
  // The address changed otherwise: by Back, or by clearing the filters.
  useEffect(() => {
    if (search === told.current) return
    told.current = search
    setText(search)
  }, [search])
  useEffect(() => {
    if (text === told.current) return
    const timer = setTimeout(() => {
      told.current = text
      onSearch(text)
    }, TYPING)
    return () => clearTimeout(timer)
  }, [text, onSearch])
  return (
    <div className="search">
      <Icon name="search" />
      <input
        id="task-search"
        type="search"
        value={text}
        placeholder={t('tasks.search')}
        aria-label={t('tasks.search')}
        autoComplete="off"
        onChange={(event) => setText(event.target.value)}
      />
      <kbd aria-hidden="true">/</kbd>
    </div>
  )
}

/** As the design orders them, then those it forgot. */
const STATUSES: readonly TaskStatus[] = [
  'running',
  'completed',
  'failed',
  'awaiting_input',
  'pending',
  'cancelled',
  'interrupted',
]

/** Milliseconds without typing after which the server is asked. */
const TYPING = 250
