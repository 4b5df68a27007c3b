import { useEffect, useSyncExternalStore } from 'react'

/** Whether the tab is looked at. */
export function useVisible(): boolean {
  return useSyncExternalStore(
    (changed) => {
      document.addEventListener('visibilitychange', changed)
      return () => document.removeEventListener('visibilitychange', changed)
    },
    () => document.visibilityState === 'visible',
  )
}

/** Whether a media query holds. */
export function useMedia(query: string): boolean {
  return useSyncExternalStore(
    (changed) => {
      const media = matchMedia(query)
      media.addEventListener('change', changed)
      return () => media.removeEventListener('change', changed)
    },
    () => matchMedia(query).matches,
  )
}

/** Calls back whenever a page that was away is back: awake, online, shown again. */
export function useReturn(back: () => void): void {
  useEffect(() => {
    const visible = () => {
      if (document.visibilityState === 'visible') back()
    }
    document.addEventListener('visibilitychange', visible)
    addEventListener('online', back)
    addEventListener('pageshow', back)
    return () => {
      document.removeEventListener('visibilitychange', visible)
      removeEventListener('online', back)
      removeEventListener('pageshow', back)
    }
  }, [back])
}

/** The title of the window while this is shown. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = title
  }, [title])
}
