import { createContext, use, type ReactNode } from 'react'

/** How the pages get from one to another: whoever lifts them brings a router. */
export interface Navigation {
  /** `/tasks`, `/chat?taskId=…`. */
  navigate: (to: string, options?: { replace?: boolean }) => void
  /** The address of it in this application. */
  href: (to: string) => string
}

const Context = createContext<Navigation | undefined>(undefined)

export function NavigationProvider({ navigation, children }: { navigation: Navigation; children: ReactNode }) {
  return <Context value={navigation}>{children}</Context>
}

export function useNavigation(): Navigation {
  const navigation = use(Context)
  if (navigation === undefined) throw new Error('there is no NavigationProvider around this')
  return navigation
}
