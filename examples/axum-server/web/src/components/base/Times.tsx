import { useTranslation } from 'react-i18next'

import { isSettled, type Task } from '../../client'
import { useNow } from '../../hooks/useNow'
import { ago, duration, isoDuration, moment, span } from './time'

/** How long the task runs, or ran. It moves, and is right although the clocks differ. */
export function LiveDuration({ task }: { task: Task }) {
  const now = useNow()
  if (task.started_at === null) return <span className="muted">–</span>
  const end = isSettled(task.status) && task.completed_at !== null ? Date.parse(task.completed_at) : now
  const ms = end - Date.parse(task.started_at)
  return (
    <time className="mono" dateTime={isoDuration(ms)}>
      {duration(ms)}
    </time>
  )
}

/** `2m ago`; the moment in full for those who point at it. */
export function RelativeTime({ at }: { at: string }) {
  const now = useNow()
  const { i18n } = useTranslation()
  return (
    <time dateTime={at} title={moment(at, i18n.language)}>
      {ago(now - Date.parse(at), i18n.language)}
    </time>
  )
}

/** Whether a task that is alive shows it: what a status alone never tells. */
export function Liveness({ task }: { task: Task }) {
  const now = useNow()
  const { t, i18n } = useTranslation()
  if (isSettled(task.status)) return null
  const silent = now - Date.parse(task.last_event_at)
  const words = { ago: ago(silent, i18n.language), span: span(silent, i18n.language) }
  if (task.status === 'running' && silent >= QUIET) {
    return <span className="liveness quiet">{t('tasks.quiet', words)}</span>
  }
  const key = task.status === 'running' ? 'tasks.lastEvent' : 'tasks.waiting'
  return <span className="liveness">{t(key, words)}</span>
}

/** Milliseconds after which a running task that says nothing is worth a look. */
const QUIET = 120_000
