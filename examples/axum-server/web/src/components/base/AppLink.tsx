import type { ComponentProps } from 'react'

import { useNavigation } from '../../hooks/navigation'

/** A link within the application: a real one, to be copied and opened in a tab of its own. */
export function AppLink({ to, onClick, ...rest }: { to: string } & ComponentProps<'a'>) {
  const { navigate, href } = useNavigation()
  return (
    <a
      {...rest}
      href={href(to)}
      onClick={(event) => {
        onClick?.(event)
        if (event.defaultPrevented || event.button !== 0) return
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return
        event.preventDefault()
        navigate(to)
      }}
    />
  )
}
