import { useCallback, useMemo, useRef, useState, type RefObject } from 'react'
import { useTranslation } from 'react-i18next'

import { isSettled, type Task } from '../client'
import { AppLink } from '../components/base/AppLink'
import { Icon } from '../components/base/Icon'
import { State } from '../components/base/State'
import { ago } from '../components/base/time'
import { words } from '../components/base/Toasts'
import { BulkBar } from '../components/tasks/BulkBar'
import { DeleteDialog } from '../components/tasks/DeleteDialog'
import { TaskCards, TaskTable } from '../components/tasks/TaskTable'
import { TaskToolbar } from '../components/tasks/TaskToolbar'
import { useMedia, useTitle } from '../hooks/browser'
import { useDeletions } from '../hooks/deletions'
import { useNavigation } from '../hooks/navigation'
import { useNow } from '../hooks/useNow'
import { useServices } from '../hooks/services'
import { useShortcuts } from '../hooks/useShortcuts'
import { useAgents, useCancel, useTaskList } from '../hooks/useTasks'

/** All tasks: what runs, what is alive, what needs somebody. What is looked for is in the address. */
export function TasksPage({ search }: { search: URLSearchParams }) {
  const { t } = useTranslation()
  const { navigate } = useNavigation()
  const filter = { q: search.get('q') ?? '', status: search.get('status') ?? '', agent: search.get('agent') ?? '' }
  const cursor = search.get('cursor') ?? ''
  const list = useTaskList({
    q: filter.q,
    status: filter.status,
    agent_id: filter.agent,
    cursor,
    limit: PAGE,
  })
  const counts = list.data?.counts
  useTitle(title(t('tasks.title'), t('app.name'), counts?.awaiting_input ?? 0))

  const change = useCallback(
    (changes: Record<string, string>, replace = false) => {
      const next = new URLSearchParams(search)
      // Another filter is another list, from its beginning.
      next.delete('cursor')
      for (const [name, value] of Object.entries(changes)) {
        if (value === '') next.delete(name)
        else next.set(name, value)
      }
      const query = next.toString()
      navigate(query === '' ? '/tasks' : `/tasks?${query}`, { replace })
    },
    [search, navigate],
  )
  const onSearch = useCallback((q: string) => change({ q }, true), [change])
  const isFiltered = filter.q !== '' || filter.status !== '' || filter.agent !== '' || cursor !== ''

  return (
    <div className="page tasks-page">
      <header className="page-head">
        <div>
          <h1>{t('tasks.title')}</h1>
          <p className="muted">{t('tasks.subtitle')}</p>
        </div>
        <AppLink to="/chat" className="button primary">
          <Icon name="plus" />
          {t('tasks.newTask')}
        </AppLink>
      </header>
      <div className="toolbar-line">
        <TaskToolbar
          search={filter.q}
          status={filter.status}
          counts={counts}
          onSearch={onSearch}
          onStatus={(status) => change({ status })}
        />
        {list.data !== undefined && <Updated at={list.dataUpdatedAt} stale={list.isError} />}
      </div>
      {list.data === undefined && list.isError ? (
        <State icon="alert" title={t('tasks.loadFailed')} hint={words(list.error)} alert>
          <button type="button" className="button" onClick={() => void list.refetch()}>
            {t('app.retry')}
          </button>
        </State>
      ) : list.data === undefined ? (
        <div className="state" aria-busy="true">
          <Icon name="spinner" className="spin" />
        </div>
      ) : (
        <TaskList
          tasks={list.data.items}
          next={list.data.next_cursor ?? undefined}
          needy={filter.status === '' ? (counts?.awaiting_input ?? 0) : 0}
          isFiltered={isFiltered}
          onClear={() => navigate('/tasks')}
          onNeedy={() => change({ status: 'awaiting_input', q: '', agent: '' })}
          onOlder={(next) => change({ cursor: next })}
          {...(cursor === '' ? {} : { onNewest: () => change({}) })}
        />
      )}
    </div>
  )
}

interface TaskListProps {
  tasks: readonly Task[]
  next: string | undefined
  /** How many tasks wait for somebody, here or on another page. */
  needy: number
  isFiltered: boolean
  onClear: () => void
  onNeedy: () => void
  onOlder: (cursor: string) => void
  onNewest?: () => void
}

function TaskList(props: TaskListProps) {
  const { next, needy, isFiltered, onClear, onNeedy, onOlder, onNewest } = props
  const { t } = useTranslation()
  const List = useMedia('(max-width: 719px)') ? TaskCards : TaskTable
  const agents = useAgents()
  const byId = useMemo(() => new Map(agents.data?.map((agent) => [agent.id, agent])), [agents.data])
  const deletions = useDeletions()
  const cancel = useCancel()
  const tasks = useMemo(() => inOrder(props.tasks, deletions.hidden), [props.tasks, deletions.hidden])
  const container = useRef<HTMLDivElement>(null)
  const { chosen, select, selectAll, clear } = useSelection(tasks)
  const [asked, setAsked] = useState<readonly Task[]>()

  const remove = (doomed: readonly Task[]) => {
    const ids = new Set(doomed.map((task) => task.id))
    const last = tasks.findLastIndex((task) => ids.has(task.id))
    const neighbour = tasks.slice(last + 1).find((task) => !ids.has(task.id)) ?? tasks.findLast((task) => !ids.has(task.id))
    deletions.delete(doomed)
    clear()
    // Where the row was is nothing to stand on: the focus goes to its neighbour.
    requestAnimationFrame(() => {
      const row = container.current?.querySelector<HTMLElement>(`[data-task="${neighbour?.id ?? ''}"] [data-row]`)
      const target = row ?? document.querySelector<HTMLElement>('h1')
      if (row === null) target?.setAttribute('tabindex', '-1')
      target?.focus()
    })
  }
  const ask = (doomed: readonly Task[]) => {
    if (doomed.some((task) => !isSettled(task.status))) setAsked(doomed)
    else remove(doomed)
  }
  useShortcuts(useRowKeys(container))

  const shown = needy > tasks.filter((task) => task.status === 'awaiting_input').length
  return (
    <>
      {shown && (
        <p className="needy">
          <Icon name="alert" />
          {t('tasks.needsYou', { count: needy })}
          <button type="button" className="button" onClick={onNeedy}>
            {t('tasks.show')}
          </button>
        </p>
      )}
      {cancel.isError && (
        <p className="inline-error" role="alert">
          {t('tasks.actionFailed', { action: t('tasks.actions.cancel'), reason: words(cancel.error) })}
        </p>
      )}
      <div ref={container}>
        {tasks.length === 0 && !isFiltered && <State icon="tasks" title={t('tasks.empty')} />}
        {tasks.length === 0 && isFiltered && (
          <State icon="search" title={t('tasks.noMatch')} hint={t('tasks.noMatchHint')}>
            <button type="button" className="button" onClick={onClear}>
              {t('tasks.clearFilters')}
            </button>
          </State>
        )}
        {tasks.length > 0 && (
          <List
            tasks={tasks}
            agents={byId}
            selected={chosen}
            onSelect={select}
            onSelectAll={selectAll}
            onCancel={(task) => cancel.mutate(task.id)}
            onDelete={(task) => ask([task])}
          />
        )}
      </div>
      <BulkBar
        tasks={tasks.filter((task) => chosen.has(task.id))}
        onCancel={(alive) => alive.forEach((task) => cancel.mutate(task.id))}
        onDelete={ask}
        onClear={clear}
      />
      {(next !== undefined || onNewest !== undefined) && (
        <nav className="pages" aria-label={t('tasks.pages')}>
          <button type="button" className="button" disabled={onNewest === undefined} onClick={onNewest}>
            {t('tasks.newest')}
          </button>
          <button
            type="button"
            className="button"
            disabled={next === undefined}
            onClick={() => {
              if (next !== undefined) onOlder(next)
            }}
          >
            {t('tasks.older')}
          </button>
        </nav>
      )}
      {asked !== undefined && (
        <DeleteDialog
          tasks={asked}
          onClose={() => setAsked(undefined)}
          onDelete={() => {
            setAsked(undefined)
            remove(asked)
          }}
        />
      )}
    </>
  )
}

/** When the list was heard last; a list that is not current says so. */
function Updated({ at, stale }: { at: number; stale: boolean }) {
  const { clock } = useServices()
  const now = useNow() - clock.offset
  const { t, i18n } = useTranslation()
  const key = stale ? 'tasks.stale' : 'tasks.updated'
  return <span className={stale ? 'updated stale' : 'updated'}>{t(key, { ago: ago(now - at, i18n.language) })}</span>
}

/** The chosen tasks: those that are still in sight. */
function useSelection(tasks: readonly Task[]) {
  const [ids, setIds] = useState<ReadonlySet<string>>(new Set())
  const anchor = useRef<string>(undefined)
  const chosen = useMemo(() => new Set(tasks.map(({ id }) => id).filter((id) => ids.has(id))), [tasks, ids])
  const select = (task: Task, range: boolean) => {
    const from = range ? tasks.findIndex(({ id }) => id === anchor.current) : -1
    const to = tasks.findIndex(({ id }) => id === task.id)
    anchor.current = task.id
    const next = new Set(chosen)
    if (from < 0) {
      if (!next.delete(task.id)) next.add(task.id)
    } else for (const { id } of tasks.slice(Math.min(from, to), Math.max(from, to) + 1)) next.add(id)
    setIds(next)
  }
  const selectAll = (all: boolean) => setIds(new Set(all ? tasks.map(({ id }) => id) : []))
  const clear = () => setIds(new Set())
  return { chosen, select, selectAll, clear }
}

function useRowKeys(container: RefObject<HTMLDivElement | null>) {
  return useMemo(() => {
    const move = (by: number) => {
      const rows = [...(container.current?.querySelectorAll<HTMLElement>('[data-row]') ?? [])]
      const at = rows.findIndex((row) => row.closest('[data-task]')?.contains(document.activeElement) === true)
      rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)]?.focus()
    }
    return {
      j: () => move(1),
      k: () => move(-1),
      '/': () => document.getElementById('task-search')?.focus(),
    }
  }, [container])
}

/** Newest first, but what waits for somebody before all; what is about to be deleted is gone. */
function inOrder(tasks: readonly Task[], hidden: ReadonlySet<string>): Task[] {
  const left = tasks.filter((task) => !hidden.has(task.id))
  const needs = (task: Task) => (task.status === 'awaiting_input' ? 0 : 1)
  return left.toSorted((a, b) => needs(a) - needs(b))
}

function title(page: string, app: string, needy: number): string {
  return `${needy > 0 ? `(${needy}) ` : ''}${page} · ${app}`
}

/** Tasks of a page. */
const PAGE = 50
