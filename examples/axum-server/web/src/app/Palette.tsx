import { useQuery } from '@tanstack/react-query'
import { useEffect, useId, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { Dialog } from '../components/base/Dialog'
import { StatusBadge } from '../components/base/StatusBadge'
import type { Task } from '../client'
import { useNavigation } from '../hooks/navigation'
import { prefer } from '../hooks/preferences'
import { useServices } from '../hooks/services'

interface Command {
  name: string
  act: () => void
  task?: Task
}

/** Commands and tasks by their names, from anywhere. */
export function Palette({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation()
  const { api } = useServices()
  const { navigate } = useNavigation()
  const [query, setQuery] = useState('')
  const [at, setAt] = useState(0)
  const list = useId()
  const words = query.trim().toLowerCase()
  const tasks = useQuery({
    queryKey: ['tasks', 'palette', words],
    queryFn: ({ signal }) => api.list({ q: words, limit: 8 }, signal),
  })

  const fixed: Command[] = [
    { name: t('tasks.newTask'), act: () => navigate('/chat') },
    { name: t('app.goTasks'), act: () => navigate('/tasks') },
    { name: `${t('app.theme')}: ${t('app.themeSystem')}`, act: () => prefer({ theme: 'system' }) },
    { name: `${t('app.theme')}: ${t('app.themeLight')}`, act: () => prefer({ theme: 'light' }) },
    { name: `${t('app.theme')}: ${t('app.themeDark')}`, act: () => prefer({ theme: 'dark' }) },
    { name: 'English', act: () => prefer({ language: 'en' }) },
    { name: '中文', act: () => prefer({ language: 'zh' }) },
  ]
  const found: Command[] = [
    ...fixed.filter(({ name }) => name.toLowerCase().includes(words)),
    ...(tasks.data?.items ?? []).map((task) => ({
      name: task.title,
      task,
      act: () => navigate(`/chat?taskId=${task.id}`),
    })),
  ]
  useEffect(() => setAt(0), [words])
  const run = (command: Command | undefined) => {
    if (command === undefined) return
    onClose()
    command.act()
  }
  const option = (index: number) => `${list}-${index}`

  return (
    <Dialog title={t('app.palette')} onClose={onClose} className="palette">
      <input
        type="text"
        role="combobox"
        aria-expanded="true"
        aria-controls={list}
        aria-activedescendant={found.length > 0 ? option(at) : undefined}
        aria-label={t('app.paletteHint')}
        placeholder={t('app.paletteHint')}
        data-autofocus
        value={query}
        onChange={(event) => setQuery(event.target.value)}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing || event.keyCode === 229) return
          if (event.key === 'ArrowDown') setAt(Math.min(at + 1, found.length - 1))
          else if (event.key === 'ArrowUp') setAt(Math.max(at - 1, 0))
          else if (event.key === 'Enter') run(found[at])
          else return
          event.preventDefault()
        }}
      />
      <ul id={list} role="listbox" aria-label={t('app.palette')}>
        {found.map((command, index) => (
          <li
            key={command.task?.id ?? command.name}
            id={option(index)}
            role="option"
            aria-selected={index === at}
            ref={(item) => {
              if (index === at) item?.scrollIntoView({ block: 'nearest' })
            }}
            onClick={() => run(command)}
          >
            <span>{command.name}</span>
            {command.task !== undefined && <StatusBadge status={command.task.status} />}
          </li>
        ))}
      </ul>
      {found.length === 0 && !tasks.isPending && <p className="muted">{t('app.nothing')}</p>}
    </Dialog>
  )
}
