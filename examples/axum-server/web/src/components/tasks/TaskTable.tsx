import { useTranslation } from 'react-i18next'

import type { Agent, Task } from '../../client'
import { AppLink } from '../base/AppLink'
import { StatusBadge } from '../base/StatusBadge'
import { LiveDuration, Liveness, RelativeTime } from '../base/Times'
import { RowActions, type TaskActions } from './RowActions'

export interface TaskListProps extends TaskActions {
  tasks: readonly Task[]
  agents: ReadonlyMap<string, Agent>
  selected: ReadonlySet<string>
  /** `range`: everything since the one that was chosen before. */
  onSelect: (task: Task, range: boolean) => void
  onSelectAll: (all: boolean) => void
}

/** The tasks as a table: seven columns, and one to choose by. */
export function TaskTable(props: TaskListProps) {
  const { tasks, agents, selected, onSelect, onSelectAll, ...actions } = props
  const { t } = useTranslation()
  const all = tasks.length > 0 && tasks.every((task) => selected.has(task.id))
  const some = !all && tasks.some((task) => selected.has(task.id))
  return (
    <div className="table-wrap">
      <table className="tasks">
        <caption className="hidden">{t('tasks.table')}</caption>
        <thead>
          <tr>
            <td className="cell-select">
              <input
                type="checkbox"
                checked={all}
                ref={(box) => {
                  if (box !== null) box.indeterminate = some
                }}
                aria-label={t('tasks.selectAll')}
                onChange={(event) => onSelectAll(event.target.checked)}
              />
            </td>
            {COLUMNS.map((column) => (
              <th key={column} scope="col" className={`cell-${column}`}>
                {t(`tasks.columns.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <tr key={task.id} data-status={task.status} data-task={task.id} data-selected={selected.has(task.id)}>
              <td className="cell-select">
                <SelectBox task={task} selected={selected} onSelect={onSelect} />
              </td>
              <td className="cell-name">
                <AppLink to={`/chat?taskId=${task.id}`} data-row title={task.title}>
                  {task.title}
                </AppLink>
              </td>
              <td className="cell-agent">{agents.get(task.agent_id)?.name ?? task.agent_id}</td>
              <td className="cell-status">
                <StatusBadge status={task.status} />
                <Liveness task={task} />
                <Failure task={task} />
              </td>
              <td className="cell-model">
                <Model task={task} agents={agents} />
              </td>
              <td className="cell-started">
                <RelativeTime at={task.started_at ?? task.created_at} />
              </td>
              <td className="cell-duration">
                <LiveDuration task={task} />
              </td>
              <td className="cell-actions">
                <RowActions task={task} {...actions} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** The same tasks where there is no room for a table. */
export function TaskCards(props: TaskListProps) {
  const { tasks, agents, selected, onSelect, onSelectAll: _, ...actions } = props
  const { t } = useTranslation()
  return (
    <ul className="cards" aria-label={t('tasks.table')}>
      {tasks.map((task) => (
        <li key={task.id} className="card" data-status={task.status} data-task={task.id}>
          <div className="card-head">
            <SelectBox task={task} selected={selected} onSelect={onSelect} />
            <AppLink to={`/chat?taskId=${task.id}`} data-row className="card-title">
              {task.title}
            </AppLink>
          </div>
          <div className="card-line">
            <StatusBadge status={task.status} />
            <Liveness task={task} />
            <Failure task={task} />
            <span className="card-duration">
              <LiveDuration task={task} />
            </span>
          </div>
          <div className="card-line">
            <span className="muted">
              {agents.get(task.agent_id)?.name ?? task.agent_id}
              {modelOf(task, agents) && <span className="mono"> · {modelOf(task, agents)}</span>}
              {' · '}
              <RelativeTime at={task.started_at ?? task.created_at} />
            </span>
            <RowActions task={task} {...actions} />
          </div>
        </li>
      ))}
    </ul>
  )
}

function SelectBox({ task, selected, onSelect }: { task: Task } & Pick<TaskListProps, 'selected' | 'onSelect'>) {
  const { t } = useTranslation()
  return (
    <input
      type="checkbox"
      checked={selected.has(task.id)}
      aria-label={t('tasks.select', { title: task.title })}
      onChange={(event) => onSelect(task, event.nativeEvent instanceof MouseEvent && event.nativeEvent.shiftKey)}
    />
  )
}

function Model({ task, agents }: { task: Task; agents: ReadonlyMap<string, Agent> }) {
  const { t } = useTranslation()
  const model = modelOf(task, agents)
  return model ? (
    <span className="mono">{model}</span>
  ) : (
    <span className="muted">
      <span aria-hidden="true">–</span>
      <span className="hidden">{t('tasks.none')}</span>
    </span>
  )
}

function modelOf(task: Task, agents: ReadonlyMap<string, Agent>): string | null | undefined {
  return task.model ?? agents.get(task.agent_id)?.model
}

function Failure({ task }: { task: Task }) {
  if (task.status !== 'failed' || task.error === null) return null
  return (
    <span className="liveness failure" title={task.error}>
      {task.error}
    </span>
  )
}

const COLUMNS = ['name', 'agent', 'status', 'model', 'started', 'duration', 'actions'] as const
