import { useTranslation } from 'react-i18next'

import type { TaskStatus } from '../../client'
import { Icon, type IconName } from './Icon'

/** Where a task stands: a picture, a word and a colour, so that no one of them has to be seen. */
export function StatusBadge({ status }: { status: TaskStatus }) {
  const { t } = useTranslation()
  return (
    <span className="badge" data-status={status}>
      <Icon name={ICONS[status]} className={status === 'running' ? 'spin' : ''} />
      {t(`tasks.status.${status}`)}
    </span>
  )
}

const ICONS: Record<TaskStatus, IconName> = {
  awaiting_input: 'alert',
  cancelled: 'slash',
  completed: 'check',
  failed: 'cross',
  interrupted: 'slash',
  pending: 'clock',
  running: 'spinner',
}
