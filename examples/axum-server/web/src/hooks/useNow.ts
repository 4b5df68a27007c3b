import { useSyncExternalStore } from 'react'

import { useServices } from './services'

/** What the clock of the server shows, in whole seconds of milliseconds: one timer for all that is shown of time. */
export function useNow(): number {
  const { clock } = useServices()
  useSyncExternalStore(subscribe, tick)
  return clock.now()
}

const listeners = new Set<() => void>()
let timer: ReturnType<typeof setInterval> | undefined
let ticks = 0

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  timer ??= setInterval(() => {
    ticks += 1
    for (const listener of listeners) listener()
  }, 1000)
  return () => {
    listeners.delete(listener)
    if (listeners.size > 0) return
    clearInterval(timer)
    timer = undefined
  }
}

function tick(): number {
  return ticks
}
