import { useTranslation } from 'react-i18next'

import { isSettled, type Task } from '../../client'
import { Dialog } from '../base/Dialog'

/** Asks before a deletion stops something; any other is only undone. */
export function DeleteDialog(props: { tasks: readonly Task[]; onDelete: () => void; onClose: () => void }) {
  const { tasks, onDelete, onClose } = props
  const { t } = useTranslation()
  const alive = tasks.filter((task) => !isSettled(task.status))
  return (
    <Dialog title={t('tasks.confirmDelete')} onClose={onClose}>
      <p>{t('tasks.confirmDeleteText', { count: alive.length, title: alive[0]?.title })}</p>
      <div className="dialog-actions">
        <button type="button" className="button" data-autofocus onClick={onClose}>
          {t('tasks.keep')}
        </button>
        <button type="button" className="button danger solid" onClick={onDelete}>
          {t('tasks.stopAndDelete')}
        </button>
      </div>
    </Dialog>
  )
}
