/**
 * The token in the address that the server printed, and takes it away from there: out of sight, out of the history, and
 * out of what is copied from the address bar. A fragment never reached any server.
 */
export function takeToken(): string | undefined {
  const token = tokenOf(location.hash)
  if (token === undefined) return undefined
  history.replaceState(history.state, '', location.pathname + location.search)
  return token
}

/** The token of a fragment, or of the whole line that somebody pasted. */
export function tokenOf(text: string): string | undefined {
  const token = /#token=([^&\s]+)/.exec(text)?.[1]
  try {
    return token === undefined ? undefined : decodeURIComponent(token)
  } catch {
    return undefined
  }
}
