/**
 * Cuts a Markdown text that grows into pieces that are parsed and shown apart: a piece that is finished never changes
 * again, so each delta costs the parsing of the last piece, and a text of megabytes is many rows of which a few are on
 * the screen.
 *
 * Pieces end at blank lines outside of code, once they are large enough; a paragraph or a code block that exceeds every
 * bound is cut within, and code goes on as code.
 */
export class Chunks {
  #source = ''
  /** Where the open piece begins, and where the line begins that is looked at next. */
  #from = 0
  #line = 0
  /** The fence of the code block that is open at `#line`, as it was opened. */
  #fence: string | undefined
  /** What the open piece must begin with, since it begins within code. */
  #prefix = ''
  #done: string[] = []

  /** The pieces of `text`; each but the last is the same string as long as the text only grows. */
  of(text: string): readonly string[] {
    if (!text.startsWith(this.#source)) this.#reset()
    this.#source = text
    this.#advance()
    const open = this.#prefix + text.slice(this.#from)
    return open === '' && this.#done.length > 0 ? this.#done : [...this.#done, open]
  }

  #advance() {
    const text = this.#source
    for (;;) {
      const end = text.indexOf('\n', this.#line)
      if (end < 0) break
      this.#cutWithin(end)
      const line = text.slice(this.#line, end)
      const fence = FENCE.exec(line)?.[1]
      const wasInCode = this.#fence !== undefined
      if (this.#fence === undefined) {
        if (fence !== undefined) this.#fence = line.trimStart()
      } else if (fence !== undefined && line.trim() === fence && closes(fence, this.#fence)) {
        this.#fence = undefined
      }
      this.#line = end + 1
      const size = this.#line - this.#from
      const isBlank = line.trim() === '' && !wasInCode
      // What is indented after a blank line goes on with the list before it.
      const goesOn = /^[ \t]/.test(text.slice(this.#line, this.#line + 1))
      if ((isBlank && !goesOn && size >= ENOUGH && this.#line < text.length) || size >= TOO_MUCH) this.#cut(this.#line)
    }
    this.#cutWithin(text.length)
  }

  /**
   * Cuts a line that exceeds every bound, up to `limit`. Just behind the bound, never before: what is on the screen
   * already must not move into another row.
   */
  #cutWithin(limit: number) {
    for (;;) {
      const start = Math.max(this.#from, this.#line)
      const space = this.#source.indexOf(' ', start + TOO_MUCH)
      if (space >= 0 && space + 1 < limit) this.#cut(space + 1)
      else if (limit - start > 2 * TOO_MUCH) this.#cut(start + 2 * TOO_MUCH)
      else return
    }
  }

  #cut(at: number) {
    this.#done.push(this.#prefix + this.#source.slice(this.#from, at))
    this.#prefix = this.#fence === undefined ? '' : `${this.#fence}\n`
    this.#from = at
    this.#line = Math.max(this.#line, at)
  }

  #reset() {
    this.#from = 0
    this.#line = 0
    this.#fence = undefined
    this.#prefix = ''
    this.#done = []
  }
}

function closes(fence: string, open: string): boolean {
  const opened = FENCE.exec(open)?.[1] ?? ''
  return fence[0] === opened[0] && fence.length >= opened.length
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/

/** Characters after which a piece may end. */
const ENOUGH = 1_500

/** Characters after which it must. */
const TOO_MUCH = 12_000
