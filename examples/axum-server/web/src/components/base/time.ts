/** `m:ss`, from an hour on `h:mm:ss`. Never negative: clocks differ, durations do not run backwards. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** A duration for those who hear it: `PT1H4M`, as `<time datetime>` wants it. */
export function isoDuration(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  return `PT${Math.floor(seconds / 3600)}H${Math.floor(seconds / 60) % 60}M${seconds % 60}S`
}

/** How long a step took: `0.1 s`, `12.4 s`, `3:05`. */
export function took(ms: number): string {
  if (ms < 60_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`
  return duration(ms)
}

/** `2m ago`, in the words of the language; what has not happened yet by the clock here happened now. */
export function ago(ms: number, language: string): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const [amount, unit] = largest(seconds)
  return new Intl.RelativeTimeFormat(language, { style: 'narrow' }).format(-amount, unit)
}

/** `6m`: how long something has been so. */
export function span(ms: number, language: string): string {
  const [value, unit] = largest(Math.max(0, Math.floor(ms / 1000)))
  return new Intl.NumberFormat(language, { style: 'unit', unit, unitDisplay: 'narrow' }).format(value)
}

/** A moment as short as it is clear: the time of today, the date of another day with it. */
export function clockTime(at: string, now: number, language: string): string {
  const isToday = new Date(at).toDateString() === new Date(now).toDateString()
  const style: Intl.DateTimeFormatOptions = { timeStyle: 'short', ...(isToday ? {} : { dateStyle: 'medium' }) }
  return new Intl.DateTimeFormat(language, style).format(new Date(at))
}

/** A moment in full. */
export function moment(at: string, language: string): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'medium' }).format(new Date(at))
}

type Unit = 'second' | 'minute' | 'hour' | 'day'

function largest(seconds: number): [number, Unit] {
  if (seconds < 60) return [seconds, 'second']
  if (seconds < 3600) return [Math.floor(seconds / 60), 'minute']
  if (seconds < 86_400) return [Math.floor(seconds / 3600), 'hour']
  return [Math.floor(seconds / 86_400), 'day']
}
