import type { StreamDemand, StreamPiece } from '../../core/dispatch/link-messages.ts'
import { invariant } from '../../core/machine.ts'
import { MAX_FRAME_BYTES } from '../../wire/limits.ts'
import { ByteWriter } from '../../wire/topics/byte-writer.ts'
import { errorBytes } from '../../wire/topics/errors.ts'
import {
  ENDINGS,
  FIXED_BYTES,
  isCarried,
  kindOf,
  payloadBytes,
  UNIT_BYTES,
  writePayload,
  writeTime,
  writeTrace,
} from '../../wire/topics/parts.ts'
import { STREAM } from '../../wire/topics/streams.ts'
import type { Cable } from './cable.ts'
import { FORMAT, PRODUCER, TRACED, TYPE, VERSION } from './codec.ts'
import type { Asking, NatsMessage } from './messages.ts'

/** Format, version and sender. */
const HEADER_BYTES = 12
const LEAST_BYTES = 64
/** A frame that is longer goes out at once. */
const ENOUGH_BYTES = 64 * 1024

/** What is for one subject, in one frame for all that is said together. */
export class Lane {
  readonly subject: string
  readonly #outbox: Outbox
  #open: ByteWriter | undefined
  /** The next frame is likely to be about as long as the one before. */
  #expectedBytes = LEAST_BYTES

  constructor(outbox: Outbox, subject: string) {
    this.#outbox = outbox
    this.subject = subject
  }

  /** What the message holds is copied. */
  say(message: NatsMessage): void {
    if (this.#outbox.isOpen) append(this, message)
  }

  /** Where the next message is written, which takes so many bytes at most. */
  begin(atMost: number): ByteWriter {
    const open = this.#open
    if (open !== undefined && (open.length + atMost > this.#outbox.maxBytes || open.length > ENOUGH_BYTES))
      this.#outbox.flush()
    if (this.#open === undefined) {
      this.#open = new ByteWriter(Math.max(HEADER_BYTES + atMost, this.#expectedBytes))
      this.#open.byte(FORMAT)
      this.#open.byte(VERSION)
      this.#open.number(this.#outbox.node)
      this.#outbox.waiting(this)
    } else this.#open.reserve(atMost)
    return this.#open
  }

  /** The frame, which nobody writes into any more. */
  take(): Uint8Array | undefined {
    const frame = this.#open?.taken()
    this.#open = undefined
    if (frame !== undefined)
      this.#expectedBytes = Math.min(Math.max(LEAST_BYTES, frame.length + (frame.length >> 2)), ENOUGH_BYTES)
    return frame
  }
}

/**
 * What is to be said, gathered for each subject until all that came has been dealt with: a frame of many messages costs everybody on its way
 * little more than one of few.
 */
export class Outbox {
  readonly #soon: (run: () => void) => void
  #cable: Cable | undefined
  #node = 0
  #lanes: Lane[] = []
  #isFlushing = false
  #flushes = 0

  /** `soon` runs once nothing of what came is left to be done. */
  constructor(soon: (run: () => void) => void) {
    this.#soon = soon
  }

  /** Our own number. */
  get node(): number {
    return this.#node
  }

  /** Whether there is a server that takes what is said. Without one it is dropped. */
  get isOpen(): boolean {
    return this.#cable !== undefined
  }

  /** Too much waits already: what can be refused is to be refused. */
  get isFull(): boolean {
    return this.#cable?.isFull === true
  }

  /** The longest frame. */
  get maxBytes(): number {
    return Math.min(this.#cable?.maxPayload ?? MAX_FRAME_BYTES, MAX_FRAME_BYTES)
  }

  /** The longest payload that fits into a frame, whatever else its message has. */
  get roomBytes(): number {
    return this.maxBytes - HEADER_BYTES - MOST_BESIDES
  }

  /** Counts the frames' turns: what was said in the same one may not have gone out. */
  get flushes(): number {
    return this.#flushes
  }

  opened(cable: Cable, node: number): void {
    this.#cable = cable
    this.#node = node
  }

  /** Forgets what waits. */
  lost(): void {
    for (const lane of this.#lanes) lane.take()
    this.#lanes = []
    this.#cable = undefined
  }

  lane(subject: string): Lane {
    return new Lane(this, subject)
  }

  waiting(lane: Lane): void {
    this.#lanes.push(lane)
    if (this.#isFlushing) return
    this.#isFlushing = true
    this.#soon(this.#flushSoon)
  }

  /** Says this now, after everything that was said before. `replyTo`: where the server says that nobody is there. */
  tell(subject: string, messages: readonly NatsMessage[], replyTo?: string): void {
    this.flush()
    const cable = this.#cable
    if (cable === undefined) return
    const lane = new Lane(this, subject)
    for (const message of messages) append(lane, message)
    this.#publish(cable, lane, replyTo)
    this.#lanes = []
  }

  flush(): void {
    const cable = this.#cable
    const lanes = this.#lanes
    if (lanes.length === 0) return
    this.#lanes = []
    this.#flushes++
    for (const lane of lanes) {
      if (cable === undefined) lane.take()
      else this.#publish(cable, lane)
    }
  }

  #publish(cable: Cable, lane: Lane, replyTo?: string): void {
    const frame = lane.take()
    if (frame === undefined) return
    invariant(frame.length <= this.maxBytes, 'a message fits into a frame')
    cable.publish(lane.subject, frame, replyTo)
  }

  readonly #flushSoon = (): void => {
    this.#isFlushing = false
    this.flush()
  }
}

/** An error, a trace, the numbers of producers, or what a producer says about itself. */
const MOST_BESIDES = 4 * 1024

const append = (lane: Lane, message: NatsMessage): void => {
  switch (message.type) {
    case 'ask': {
      const to = lane.begin(askingBytes(message))
      to.byte(TYPE.ask)
      return writeAsking(to, message)
    }
    case 'request': {
      const to = lane.begin(askingBytes(message) + numbersBytes(message.producers))
      to.byte(TYPE.request)
      writeNumbers(to, message.producers)
      return writeAsking(to, message)
    }
    case 'reply': {
      const { payload } = message
      const to = lane.begin(FIXED_BYTES + payloadBytes(payload))
      to.byte(TYPE.reply)
      to.number(message.ask)
      to.number(message.producer)
      to.byte(kindOf(payload))
      return writePayload(to, payload)
    }
    case 'fail': {
      const error = errorBytes(message.error)
      const to = lane.begin(FIXED_BYTES + error.length)
      to.byte(TYPE.fail)
      to.number(message.ask)
      to.number(message.producer)
      to.byte(message.outcome === 'refused' ? 1 : 0)
      // Its length goes before it, as before everything that is read as JSON.
      return to.bytes(error)
    }
    case 'cancel': {
      const to = lane.begin(FIXED_BYTES)
      to.byte(TYPE.cancel)
      to.number(message.ask)
      return to.byte(ENDINGS.indexOf(message.because))
    }
    case 'producer':
      return appendProducer(lane, message)
    case 'withdraw':
    case 'leave': {
      const to = lane.begin(FIXED_BYTES + UNIT_BYTES * message.topic.length)
      to.byte(TYPE[message.type])
      to.text(message.topic)
      return to.number(message.producer)
    }
    case 'listeners': {
      const to = lane.begin(FIXED_BYTES + UNIT_BYTES * message.topic.length)
      to.byte(TYPE.listeners)
      to.text(message.topic)
      to.number(message.count)
      return to.number(message.census)
    }
    case 'known': {
      const { topic, producers, name } = message
      const to = lane.begin(FIXED_BYTES + UNIT_BYTES * (topic.length + name.length) + numbersBytes(producers))
      to.byte(TYPE.known)
      to.text(topic)
      writeNumbers(to, producers)
      return to.text(name)
    }
    case 'unknown': {
      const { producers } = message
      const to = lane.begin(FIXED_BYTES + numbersBytes(producers))
      to.byte(TYPE.unknown)
      return writeNumbers(to, producers)
    }
    case 'who':
    case 'told': {
      const to = lane.begin(FIXED_BYTES + UNIT_BYTES * message.topic.length)
      to.byte(TYPE[message.type])
      to.text(message.topic)
      return to.number(message.census)
    }
    case 'claim': {
      const to = lane.begin(FIXED_BYTES)
      to.byte(TYPE.claim)
      to.number(message.producer)
      return to.number(message.rank)
    }
    case 'heard': {
      const { from, payload } = message
      const to = lane.begin(FIXED_BYTES + UNIT_BYTES * from.length + payloadBytes(payload))
      to.byte(TYPE.heard)
      to.text(from)
      to.byte(kindOf(payload))
      return writePayload(to, payload)
    }
    case 'ping':
    case 'pong':
      return lane.begin(1).byte(TYPE[message.type])
    default:
      return appendStream(lane, message)
  }
}

const askingBytes = ({ trace, payload }: Asking): number =>
  FIXED_BYTES +
  payloadBytes(payload) +
  (trace === undefined ? 0 : UNIT_BYTES * (trace.traceparent.length + (trace.tracestate?.length ?? 0)))

const writeAsking = (to: ByteWriter, { ask, withinMs, trace, payload }: Asking): void => {
  const carried = trace !== undefined && isCarried(trace) ? trace : undefined
  to.number(ask)
  to.byte(kindOf(payload) | (carried === undefined ? 0 : TRACED))
  writeTime(to, withinMs)
  if (carried !== undefined) writeTrace(to, carried)
  writePayload(to, payload)
}

/** Of a number, at most. */
const NUMBER_BYTES = 8

const numbersBytes = (numbers: readonly number[]): number => NUMBER_BYTES * (numbers.length + 1)

const writeNumbers = (to: ByteWriter, numbers: readonly number[]): void => {
  to.number(numbers.length)
  for (const number of numbers) to.number(number)
}

const appendProducer = (lane: Lane, message: Extract<NatsMessage, { type: 'producer' }>): void => {
  const { topic, producer, id, concurrency, queued, census, queue, metadata } = message
  const json = metadata === undefined ? undefined : Buffer.from(JSON.stringify(metadata))
  const units = topic.length + id.length + (queue?.length ?? 0)
  const to = lane.begin(FIXED_BYTES + UNIT_BYTES * units + (json?.length ?? 0))
  to.byte(TYPE.producer)
  to.text(topic)
  to.number(producer)
  to.text(id)
  to.number(concurrency)
  to.number(queued)
  to.number(census)
  to.byte((queue === undefined ? 0 : PRODUCER.queue) | (json === undefined ? 0 : PRODUCER.metadata))
  if (queue !== undefined) to.text(queue)
  if (json !== undefined) to.bytes(json)
}

const appendStream = (lane: Lane, message: StreamPiece | StreamDemand): void => {
  if (message.type === 'end') {
    const error = message.error && errorBytes(message.error)
    const to = lane.begin(FIXED_BYTES + (error?.length ?? 0))
    to.byte(STREAM.end)
    to.number(message.stream)
    to.byte(error === undefined ? 0 : 1)
    if (error !== undefined) to.bytes(error)
    return
  }
  const to = lane.begin(FIXED_BYTES + (message.type === 'chunk' ? message.bytes.length : 0))
  to.byte(STREAM[message.type])
  to.number(message.stream)
  if (message.type === 'chunk') to.bytes(message.bytes)
  else if (message.type === 'credit') to.number(message.bytes)
}
