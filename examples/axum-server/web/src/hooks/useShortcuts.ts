import { useEffect } from 'react'

import { usePreferences } from './preferences'

/**
 * What keys do while this is shown: `j`, `/`, `Mod+k` … Single keys do nothing in fields and dialogs, and nothing at
 * all for those who switched them off.
 */
export function useShortcuts(keys: Record<string, (event: KeyboardEvent) => void>): void {
  const { shortcuts } = usePreferences()
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.isComposing || event.defaultPrevented) return
      const withModifier = event.metaKey || event.ctrlKey
      const act = keys[withModifier ? `Mod+${event.key}` : event.key]
      if (act === undefined || event.altKey) return
      if (!withModifier && (!shortcuts || isTaken(event.target))) return
      event.preventDefault()
      act(event)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [keys, shortcuts])
}

function isTaken(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, dialog, [contenteditable]') !== null
}
