/** Somebody with something to send. */
export interface Sender {
  flush(): void
}

/**
 * Sends at the end of a turn of the loop what all links were told in it, each in one write: whoever waits at the other end is woken once,
 * and one call of the system carries many messages.
 */
export class Outbox {
  readonly #soon: (run: () => void) => void
  #senders: Sender[] = []

  /** `soon` runs something once all sockets have been read that are ready. */
  constructor(soon: (run: () => void) => void) {
    this.#soon = soon
  }

  add(sender: Sender): void {
    if (this.#senders.push(sender) === 1) this.#soon(this.#flush)
  }

  readonly #flush = (): void => {
    const senders = this.#senders
    this.#senders = []
    for (const sender of senders) sender.flush()
  }
}
