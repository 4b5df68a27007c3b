import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'

import type { ListQuery } from '../client'
import { useServices } from './services'

/** A page of the list, current while it is looked at. */
export function useTaskList(query: ListQuery) {
  const { api } = useServices()
  return useQuery({
    queryKey: ['tasks', 'list', query],
    queryFn: ({ signal }) => api.list(query, signal),
    refetchInterval: EVERY,
    refetchOnWindowFocus: 'always',
    // A search shows the old rows until the new ones are there.
    placeholderData: keepPreviousData,
  })
}

/** How many tasks are alive, for every page. */
export function useRunningCount() {
  const { api } = useServices()
  return useQuery({
    queryKey: ['tasks', 'running'],
    queryFn: ({ signal }) => api.runningCount(signal),
    refetchInterval: EVERY,
    refetchOnWindowFocus: 'always',
  })
}

export function useAgents() {
  const { api } = useServices()
  return useQuery({ queryKey: ['agents'], queryFn: ({ signal }) => api.agents(signal), staleTime: 60_000 })
}

/** Asks for every list and count again: something was done. */
export function useRefresh(): () => void {
  const queries = useQueryClient()
  return () => void queries.invalidateQueries({ queryKey: ['tasks'] })
}

export function useCancel() {
  const { api } = useServices()
  const refresh = useRefresh()
  return useMutation({
    mutationFn: (id: string) => api.cancel(id),
    onSettled: () => {
      refresh()
      // Most tasks stop within this; those that do not are found by the next interval.
      setTimeout(refresh, STOPS)
    },
  })
}

/** Milliseconds in which a task that is cancelled mostly stops. */
const STOPS = 600

/** Milliseconds between two questions; none while the tab is hidden. */
const EVERY = 5_000
