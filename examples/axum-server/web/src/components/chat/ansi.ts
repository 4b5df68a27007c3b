/** A stretch of output that looks the same throughout. */
export interface AnsiSpan {
  text: string
  /** 30 to 37 and 90 to 97, as terminals number them. */
  color?: number
  bold?: boolean
}

/**
 * Output of a program as a terminal would show it, as far as a page needs that: colours, bold, and lines that were
 * written over. Every other control sequence is left out.
 */
export function ansi(output: string): AnsiSpan[] {
  const spans: AnsiSpan[] = []
  let style: Omit<AnsiSpan, 'text'> = {}
  let rest = overwrite(output)
  while (rest !== '') {
    const match = SEQUENCE.exec(rest)
    const text = match === null ? rest : rest.slice(0, match.index)
    if (text !== '') spans.push({ text: text.replace(CONTROL, ''), ...style })
    if (match === null) break
    if (match[2] === 'm') style = sgr(match[1] ?? '', style)
    rest = rest.slice(match.index + match[0].length)
  }
  return spans
}

/** A carriage return goes back to the begin of its line: what counts is what was written last. */
function overwrite(output: string): string {
  if (!output.includes('\r')) return output
  return output
    .replaceAll('\r\n', '\n')
    .split('\n')
    .map((line) => line.slice(line.replace(/\r+$/, '').lastIndexOf('\r') + 1).replace(/\r+$/, ''))
    .join('\n')
}

function sgr(codes: string, style: Omit<AnsiSpan, 'text'>): Omit<AnsiSpan, 'text'> {
  let next = { ...style }
  const numbers = codes === '' ? [0] : codes.split(';').map(Number)
  for (let at = 0; at < numbers.length; at++) {
    const code = numbers[at] ?? 0
    if (code === 0) next = {}
    else if (code === 1) next.bold = true
    else if (code === 22) delete next.bold
    else if ((code >= 30 && code <= 37) || (code >= 90 && code <= 97)) next.color = code
    else if (code === 39) delete next.color
    // Palettes and true colours: their arguments are no codes.
    else if (code === 38 || code === 48) at += numbers[at + 1] === 2 ? 4 : 2
  }
  return next
}

const SEQUENCE = /\u001b(?:\[([0-9;:?<=>]*)[ -/]*([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g
