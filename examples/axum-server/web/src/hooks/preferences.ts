import { useSyncExternalStore } from 'react'

export type Theme = 'system' | 'light' | 'dark'
export type Language = 'en' | 'zh'

export interface Preferences {
  theme: Theme
  language: Language
  /** Whether single keys do something: those who speak to their machine switch them off. */
  shortcuts: boolean
}

/** What a person chose for this browser, in all of its tabs. */
export function usePreferences(): Preferences {
  return useSyncExternalStore(subscribe, preferences)
}

export function preferences(): Preferences {
  return (current ??= read())
}

export function prefer(change: Partial<Preferences>): void {
  current = { ...preferences(), ...change }
  try {
    localStorage.setItem('tasks.theme', current.theme)
    localStorage.setItem('tasks.language', current.language)
    localStorage.setItem('tasks.shortcuts', current.shortcuts ? 'on' : 'off')
  } catch {
    // Then it holds until the page is closed.
  }
  for (const listener of listeners) listener()
}

let current: Preferences | undefined
const listeners = new Set<() => void>()

function read(): Preferences {
  const get = (name: string) => {
    try {
      return localStorage.getItem(name)
    } catch {
      return null
    }
  }
  const theme = get('tasks.theme')
  const language = get('tasks.language') ?? navigator.language
  return {
    theme: theme === 'dark' || theme === 'light' ? theme : 'system',
    language: language.toLowerCase().startsWith('zh') ? 'zh' : 'en',
    shortcuts: get('tasks.shortcuts') !== 'off',
  }
}

function subscribe(listener: () => void): () => void {
  const fromOtherTab = () => {
    current = read()
    listener()
  }
  listeners.add(listener)
  addEventListener('storage', fromOtherTab)
  return () => {
    listeners.delete(listener)
    removeEventListener('storage', fromOtherTab)
  }
}
