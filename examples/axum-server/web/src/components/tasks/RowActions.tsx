import { useTranslation } from 'react-i18next'

import { isSettled, type Task } from '../../client'
import { AppLink } from '../base/AppLink'
import { Icon } from '../base/Icon'

export interface TaskActions {
  onCancel: (task: Task) => void
  onDelete: (task: Task) => void
}

/** What can be done with a task, always in sight; each name has the task in it. */
export function RowActions({ task, onCancel, onDelete }: { task: Task } & TaskActions) {
  const { t } = useTranslation()
  const name = (action: string) => t('tasks.actions.of', { action, title: task.title })
  const [view, cancel, remove] = [t('tasks.actions.viewChat'), t('tasks.actions.cancel'), t('tasks.actions.delete')]
  return (
    <div className="row-actions">
      <AppLink className="icon-button" to={`/chat?taskId=${task.id}`} aria-label={name(view)} title={view}>
        <Icon name="chat" />
      </AppLink>
      {/* A task that waits can be cancelled as well: it would run otherwise. */}
      {!isSettled(task.status) && (
        <button type="button" className="icon-button" aria-label={name(cancel)} title={cancel} onClick={() => onCancel(task)}>
          <Icon name="stop" />
        </button>
      )}
      <button type="button" className="icon-button" aria-label={name(remove)} title={remove} onClick={() => onDelete(task)}>
        <Icon name="trash" />
      </button>
    </div>
  )
}
