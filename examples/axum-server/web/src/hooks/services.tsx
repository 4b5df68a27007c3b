import { createContext, use, type ReactNode } from 'react'

import type { ClockEstimate, StreamSlots, TaskApi } from '../client'

/** What hooks need from around them. An application makes them once. */
export interface Services {
  api: TaskApi
  clock: ClockEstimate
  slots: StreamSlots
}

const Context = createContext<Services | undefined>(undefined)

export function ServicesProvider({ services, children }: { services: Services; children: ReactNode }) {
  return <Context value={services}>{children}</Context>
}

export function useServices(): Services {
  const services = use(Context)
  if (services === undefined) throw new Error('there is no ServicesProvider around this')
  return services
}
