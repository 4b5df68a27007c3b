/**
 * Places for streams, shared by all tabs of a browser.
 *
 * A browser opens six connections to a server of HTTP/1.1, for all its tabs together: six streams, and every other
 * request waits for ever. So at most {@link SLOTS} tabs stream; a tab without a place asks for what is new every other
 * second, which takes a connection for a moment. A tab that is looked at goes before one that is not: it asks the
 * others, and one that is hidden makes room at once.
 */
export class StreamSlots {
  readonly #locks: LockManager | undefined
  readonly #channel: BroadcastChannel | undefined
  readonly #isVisible: () => boolean
  #yield: (() => void) | undefined

  constructor(isVisible: () => boolean) {
    this.#isVisible = isVisible
    // Absent where the page is not served securely: then only the tab that is looked at streams.
    this.#locks = typeof navigator === 'undefined' ? undefined : navigator.locks
    if (this.#locks !== undefined && typeof BroadcastChannel !== 'undefined') {
      this.#channel = new BroadcastChannel('tasks.slots')
      this.#channel.onmessage = () => {
        if (!this.#isVisible()) this.#yield?.()
      }
    }
  }

  /**
   * A place, or nothing when all are taken. `onYield` is called when another tab needs it more; whoever gets the place
   * gives it back with the function it is given.
   */
  async take(onYield: () => void): Promise<(() => void) | undefined> {
    if (this.#locks === undefined) return this.#isVisible() ? () => undefined : undefined
    let release = await this.#first()
    if (release === undefined && this.#isVisible() && this.#channel !== undefined) {
      this.#channel.postMessage('wanted')
      await new Promise((resolve) => setTimeout(resolve, ROOM))
      release = await this.#first()
    }
    if (release === undefined) return undefined
    const giveBack = release
    this.#yield = onYield
    return () => {
      if (this.#yield === onYield) this.#yield = undefined
      giveBack()
    }
  }

  close(): void {
    this.#channel?.close()
  }

  async #first(): Promise<(() => void) | undefined> {
    for (let n = 0; n < SLOTS; n++) {
      const release = await this.#hold(`tasks.slot-${n}`)
      if (release !== undefined) return release
    }
    return undefined
  }

  #hold(name: string): Promise<(() => void) | undefined> {
    return new Promise((resolve, reject) => {
      const held = this.#locks?.request(name, { ifAvailable: true }, (lock) => {
        if (lock === null) return resolve(undefined)
        return new Promise<void>((release) => resolve(release))
      })
      held?.catch(reject)
    })
  }
}

/** Two of six connections are left for everything else. */
const SLOTS = 4

/** Milliseconds in which a tab that is not looked at makes room. */
const ROOM = 250
