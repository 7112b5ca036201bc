import type { TopicsDown } from '../core/dispatch/link-messages.ts'
import type { CaucusError } from '../errors.ts'
import type { AcceptedSocket } from '../ports/socket.ts'
import type { AskRequest } from '../ports/topics.ts'
import type { HostedTopics, TopicsHosting, TopicsLink } from '../ports/topics-hosting.ts'
import { DownWriter } from '../wire/topics/down.ts'
import { decodeUp } from '../wire/topics/up.ts'
import type { Gate } from './access/link-gate.ts'
import type { Outbox, Sender } from './outbox.ts'

/** What may wait is sent anyhow once it is that much. */
const HELD_BYTES = 64 * 1024

export interface LinkTopicsOptions {
  readonly hosting: TopicsHosting
  readonly socket: AcceptedSocket
  readonly gate: Gate | undefined
  readonly outbox: Outbox
  /** How much may wait. */
  bufferBytes(): number
  /** It said what no process of ours says. */
  fault(why: string): void
  /** It does not read what it is told. */
  unread(): void
}

/** What one link says and hears about topics. Most links never do. */
export class LinkTopics implements TopicsLink, Sender {
  static #links = 0
  readonly name: string
  readonly #options: LinkTopicsOptions
  readonly #hosted: HostedTopics
  readonly #writer = new DownWriter()
  #waiting = false

  constructor(options: LinkTopicsOptions) {
    this.#options = options
    this.name = `${namePart(options.gate?.name ?? 'link')}#${++LinkTopics.#links}`
    this.#hosted = options.hosting.attach(this)
  }

  get bufferedBytes(): number {
    return this.#writer.bytes + this.#options.socket.bufferedBytes
  }

  receive(frame: Uint8Array): void {
    const messages = decodeUp(frame)
    if (typeof messages === 'string') return this.fault(messages)
    const { gate } = this.#options
    this.#hosted.receive(gate === undefined ? messages : gate.admitTopics(messages, this.#deny, this.#costOf))
  }

  deliver(message: TopicsDown, mayWait = false): void {
    const { socket, bufferBytes } = this.#options
    if (!socket.open) return
    this.#writer.append(message)
    // What would be cut at the end of the turn must not fill the memory until then.
    if (this.#writer.bytes > bufferBytes()) return this.#cut()
    if (this.#waiting || (mayWait && this.#writer.bytes < HELD_BYTES)) return
    this.#waiting = true
    this.#options.outbox.add(this)
  }

  flush(): void {
    this.#waiting = false
    const { socket, bufferBytes } = this.#options
    if (!socket.open) return this.#writer.clear()
    if (this.bufferedBytes > bufferBytes()) return this.#cut()
    for (let frame = this.#writer.take(); frame !== undefined; frame = this.#writer.take()) socket.sendBytes(frame)
  }

  #cut(): void {
    this.#writer.clear()
    this.#options.unread()
  }

  fault(why: string): void {
    this.#options.fault(why)
  }

  /** After what its client may do has changed. */
  review(faultOf: (what: 'ask' | 'producer' | 'listener', topic: string) => CaucusError | undefined): void {
    this.#hosted.review(faultOf)
  }

  closed(): void {
    this.#writer.clear()
    this.#hosted.close()
  }

  readonly #costOf = (ask: Pick<AskRequest, 'topic' | 'to' | 'until'>): number => this.#options.hosting.cost(ask)

  readonly #deny = (denial: TopicsDown): void => this.deliver(denial)
}

/** A name has to be an id together with its number. */
const namePart = (name: string): string => (Buffer.byteLength(name) <= 230 ? name : name.slice(0, 57))
