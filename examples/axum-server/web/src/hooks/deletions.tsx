import { createContext, use, useCallback, useEffect, useMemo, useRef, useState, type ReactNode } from 'react'

import { ApiError, type Task } from '../client'
import { useServices } from './services'
import { useRefresh } from './useTasks'

/** Tasks that will be deleted unless somebody undoes it. */
export interface Deletion {
  id: number
  tasks: readonly Task[]
  /** Of this clock, in milliseconds. */
  due: number
}

export interface Deletions {
  /** Those that wait; their tasks are hidden from lists. */
  waiting: readonly Deletion[]
  hidden: ReadonlySet<string>
  failed: { tasks: readonly Task[]; error: unknown } | undefined
  delete: (tasks: readonly Task[]) => void
  undo: (id: number) => void
  /** Stops the countdown of all of them, as long as somebody looks at it. */
  hold: (held: boolean) => void
  held: boolean
  dismiss: () => void
}

const Context = createContext<Deletions | undefined>(undefined)

export function useDeletions(): Deletions {
  const deletions = use(Context)
  if (deletions === undefined) throw new Error('there is no DeletionsProvider around this')
  return deletions
}

/**
 * Deletes after a while in which it can be undone. It is around all pages, so that going to another page does not
 * delete sooner; a tab that is closed meanwhile deletes nothing, and that is the safe side.
 */
export function DeletionsProvider({ children }: { children: ReactNode }) {
  const { api } = useServices()
  const refresh = useRefresh()
  const [waiting, setWaiting] = useState<readonly Deletion[]>([])
  const [gone, setGone] = useState<ReadonlySet<string>>(new Set())
  const [failed, setFailed] = useState<Deletions['failed']>()
  const next = useRef(1)
  const heldSince = useRef<number | undefined>(undefined)
  const [held, setHeld] = useState(false)

  const run = useCallback(
    async (tasks: readonly Task[]) => {
      setGone((now) => new Set([...now, ...tasks.map(({ id }) => id)]))
      const results = await Promise.allSettled(tasks.map(({ id }) => api.delete(id)))
      const isGone = (error: unknown) => error instanceof ApiError && error.status === 404
      const left = tasks.filter((_, at) => {
        const result = results[at]
        return result?.status === 'rejected' && !isGone(result.reason)
      })
      if (left.length > 0) {
        const reason = results.find((result) => result.status === 'rejected')?.reason as unknown
        setFailed({ tasks: left, error: reason })
        setGone((now) => new Set([...now].filter((id) => !left.some((task) => task.id === id))))
      }
      refresh()
    },
    [api, refresh],
  )

  useEffect(() => {
    if (waiting.length === 0) return
    const timer = setInterval(() => {
      if (heldSince.current !== undefined) return
      const due = waiting.filter((deletion) => deletion.due <= Date.now())
      if (due.length === 0) return
      setWaiting(waiting.filter((deletion) => !due.includes(deletion)))
      for (const deletion of due) void run(deletion.tasks)
    }, 250)
    return () => clearInterval(timer)
  }, [waiting, run])

  const value = useMemo<Deletions>(
    () => ({
      waiting,
      hidden: new Set([...gone, ...waiting.flatMap(({ tasks }) => tasks.map(({ id }) => id))]),
      failed,
      delete: (tasks) => {
        setFailed(undefined)
        setWaiting((now) => [...now, { id: next.current++, tasks, due: Date.now() + UNDO }])
      },
      undo: (id) => setWaiting((now) => now.filter((deletion) => deletion.id !== id)),
      held,
      hold: (hold) => {
        setHeld(hold)
        if (hold) {
          heldSince.current ??= Date.now()
        } else if (heldSince.current !== undefined) {
          const pause = Date.now() - heldSince.current
          heldSince.current = undefined
          setWaiting((now) => now.map((deletion) => ({ ...deletion, due: deletion.due + pause })))
        }
      },
      dismiss: () => setFailed(undefined),
    }),
    [waiting, gone, failed, held],
  )
  return <Context value={value}>{children}</Context>
}

/** Milliseconds in which it can be undone. */
const UNDO = 8_000
