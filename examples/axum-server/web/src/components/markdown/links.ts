/**
 * The address of a link that an agent wrote, or nothing if it must not be one: `javascript:` runs in the page, `data:`
 * shows a page that only looks like ours, and what has no scheme would lead into this application.
 */
export function safeLink(href: string): string | undefined {
  let url: URL
  try {
    url = new URL(href)
  } catch {
    return undefined
  }
  if (!SCHEMES.has(url.protocol)) return undefined
  // What is before an `@` looks like the place it leads to, and is not.
  if (url.username !== '' || url.password !== '') return undefined
  return url.href
}

const SCHEMES = new Set(['http:', 'https:', 'mailto:'])
