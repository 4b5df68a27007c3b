import { useTranslation } from 'react-i18next'

import { isSettled, type Task } from '../../client'

/** What can be done with all tasks that are chosen; each button says how many it will hit. */
export function BulkBar(props: {
  tasks: readonly Task[]
  onCancel: (tasks: readonly Task[]) => void
  onDelete: (tasks: readonly Task[]) => void
  onClear: () => void
}) {
  const { tasks, onCancel, onDelete, onClear } = props
  const { t } = useTranslation()
  if (tasks.length === 0) return null
  const alive = tasks.filter((task) => !isSettled(task.status))
  return (
    <div className="bulk" role="group" aria-label={t('tasks.selected', { count: tasks.length })}>
      <strong>{t('tasks.selected', { count: tasks.length })}</strong>
      {alive.length > 0 && (
        <button type="button" className="button" onClick={() => onCancel(alive)}>
          {t('tasks.cancelRunning', { count: alive.length })}
        </button>
      )}
      <button type="button" className="button danger" onClick={() => onDelete(tasks)}>
        {t('tasks.deleteSelected', { count: tasks.length })}
      </button>
      <button type="button" className="button quiet-button" onClick={onClear}>
        {t('tasks.clear')}
      </button>
    </div>
  )
}
