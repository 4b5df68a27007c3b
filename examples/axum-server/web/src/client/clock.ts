/**
 * How far the clock of the server is ahead of this one, in milliseconds.
 *
 * The header `Date` has whole seconds, so each answer only tells a range: the server wrote it between the sending and
 * the arrival, at some moment of that second. Ranges of several answers overlap where the truth is.
 */
export class ClockEstimate {
  #low = -Infinity
  #high = Infinity

  /** Takes in an answer with this `Date` that was asked for at `sent` and was there at `arrived`. */
  sample(date: string | null, sent: number, arrived: number): void {
    const second = date === null ? NaN : Date.parse(date)
    if (Number.isNaN(second)) return
    const low = second - arrived
    const high = second + 1000 - sent
    if (low > this.#high || high < this.#low) {
      // One of the clocks was set: only the new range tells anything.
      this.#low = low
      this.#high = high
    } else {
      this.#low = Math.max(this.#low, low)
      this.#high = Math.min(this.#high, high)
    }
  }

  /** The best guess. Zero while it is possible: then nothing would be won by another. */
  get offset(): number {
    if (this.#low <= 0 && this.#high >= 0) return 0
    return Math.round((this.#low + this.#high) / 2)
  }

  /** What the clock of the server shows. */
  now(): number {
    return Date.now() + this.offset
  }
}
