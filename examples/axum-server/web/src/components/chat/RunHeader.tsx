import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'

import { isSettled, type Agent, type ConnectionState, type Task } from '../../client'
import { AppLink } from '../base/AppLink'
import { Icon } from '../base/Icon'
import { StatusBadge } from '../base/StatusBadge'
import { LiveDuration, Liveness } from '../base/Times'

/** What the task is and how it stands. Stop is there as long as there is something to stop, and is never replaced. */
export function RunHeader(props: {
  task: Task
  agent: Agent | undefined
  connection: ConnectionState
  stopping: boolean
  onStop: () => void
  onRename: () => void
  onDownload: () => void
  onFind: () => void
  onDelete: () => void
}) {
  const { task, agent, connection, stopping, onStop, onRename, onDownload, onFind, onDelete } = props
  const { t } = useTranslation()
  const model = task.model ?? agent?.model
  return (
    <header className="run-head">
      <AppLink to="/tasks" className="icon-button" aria-label={t('chat.back')} title={t('chat.back')}>
        <Icon name="back" />
      </AppLink>
      <div className="run-text">
        <h1 title={task.title}>{task.title}</h1>
        <p className="run-line">
          <StatusBadge status={task.status} />
          <LiveDuration task={task} />
          <Liveness task={task} />
          <span className="muted run-agent">
            {agent?.name ?? task.agent_id}
            {model && <span className="mono"> · {model}</span>}
          </span>
          {task.usage !== null && (
            <span className="muted run-usage mono">
              {t('chat.tokens', { input: task.usage.input_tokens, output: task.usage.output_tokens })}
            </span>
          )}
          {connection.kind === 'polling' && <span className="muted">{t('chat.polling')}</span>}
        </p>
      </div>
      {!isSettled(task.status) && (
        <button type="button" className="button stop" aria-disabled={stopping} onClick={onStop}>
          <Icon name="stop" />
          <span>{t(stopping ? 'chat.stopping' : 'chat.stop')}</span>
        </button>
      )}
      <Menu
        label={t('chat.more')}
        items={[
          [t('chat.find'), onFind],
          [t('chat.rename'), onRename],
          [t('chat.download'), onDownload],
          [t('tasks.actions.delete'), onDelete],
        ]}
      />
    </header>
  )
}

function Menu({ label, items }: { label: string; items: ReadonlyArray<readonly [string, () => void]> }) {
  const [open, setOpen] = useState(false)
  const root = useRef<HTMLDivElement>(null)
  useEffect(() => {
    if (!open) return
    root.current?.querySelector<HTMLElement>('[role=menuitem]')?.focus()
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !root.current?.contains(event.target)) setOpen(false)
    }
    document.addEventListener('pointerdown', outside)
    return () => document.removeEventListener('pointerdown', outside)
  }, [open])
  const close = () => {
    setOpen(false)
    root.current?.querySelector('button')?.focus()
  }
  const move = (by: number) => {
    const all = [...(root.current?.querySelectorAll<HTMLElement>('[role=menuitem]') ?? [])]
    const at = all.findIndex((item) => item === document.activeElement)
    all[(at + by + all.length) % all.length]?.focus()
  }
  return (
    <div
      ref={root}
      className="menu"
      onKeyDown={(event) => {
        if (!open) return
        if (event.key === 'Escape') close()
        else if (event.key === 'ArrowDown') move(1)
        else if (event.key === 'ArrowUp') move(-1)
        else if (event.key === 'Tab') return setOpen(false)
        else return
        event.preventDefault()
        event.stopPropagation()
      }}
    >
      <button
        type="button"
        className="icon-button"
        aria-label={label}
        title={label}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        <Icon name="menu" />
      </button>
      {open && (
        <div className="menu-list" role="menu" aria-label={label}>
          {items.map(([name, act]) => (
            <button
              key={name}
              type="button"
              role="menuitem"
              tabIndex={-1}
              onClick={() => {
                close()
                act()
              }}
            >
              {name}
            </button>
          ))}
        </div>
      )}
    </div>
  )
}
