import { setMaxListeners } from 'node:events'
import { CaucusError, isCaucusError } from '../errors.ts'

/** For how long answers that do not end by themselves may go on: until the server stops, or serves nobody any more because another peer leads. */
export class Tenure {
  #current = begun()
  #over = false

  /** Of those who begin now. */
  get signal(): AbortSignal {
    return this.#current.signal
  }

  /** Ends what has begun. What begins after it has a new signal. */
  end(reason: CaucusError): void {
    if (this.#over) return
    const ended = this.#current
    this.#current = begun()
    ended.abort(reason)
  }

  /** Ends what has begun, and whatever begins from now on. */
  close(reason: CaucusError): void {
    if (this.#over) return
    this.#over = true
    this.#current.abort(reason)
  }
}

/** Every reader of events listens to it, and how many there may be is bounded already. */
const begun = (): AbortController => {
  const controller = new AbortController()
  setMaxListeners(0, controller.signal)
  return controller
}

/** Why whoever listens to it has to end. */
export const reasonOf = ({ reason }: AbortSignal): CaucusError =>
  isCaucusError(reason) ? reason : new CaucusError('CAUCUS_CLOSED', 'this server is stopping; ask again later')
