import { startTransition, useOptimistic } from 'react'

/**
 * A choice that the address keeps. The router follows an address in a transition, so a control that showed the address
 * alone would fall back to what was chosen before until that is done; this one shows the choice at once.
 */
export function useChosen(kept: string, keep: (choice: string) => void): [string, (choice: string) => void] {
  const [shown, show] = useOptimistic(kept)
  const choose = (choice: string) =>
    startTransition(() => {
      show(choice)
      keep(choice)
    })
  return [shown, choose]
}
