import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Payload, TopicsDown, TopicsUp } from '../../../src/core/dispatch/link-messages.ts'
import { decodeDown } from '../../../src/wire/topics/down.ts'
import { UpWriter } from '../../../src/wire/topics/up.ts'

export const json = (value: unknown): Payload => ({ kind: 'json', bytes: Buffer.from(JSON.stringify(value)) })

interface TopicsClientOptions {
  readonly token?: string
  readonly protocol?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly localAddress?: string
}

type Of<Type extends TopicsDown['type']> = Extract<TopicsDown, { type: Type }>

/** A process on a real link, as far as topics go. */
export class TopicsClient {
  readonly socket: WebSocket
  readonly told: TopicsDown[] = []
  #wake = () => {}
  #reason: string | undefined
  #refusal: number | undefined

  constructor(port: number, { token, protocol = 2, headers = {}, localAddress }: TopicsClientOptions = {}) {
    const shown = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const options = { headers: { ...headers, ...shown }, ...(localAddress !== undefined && { localAddress }) }
    this.socket = new WebSocket(`ws://127.0.0.1:${port}/v1/link`, [`caucus.v${protocol}`], options)
    this.socket.on('unexpected-response', (_request, response) => {
      this.#refusal = response.statusCode
      this.socket.terminate()
    })
    this.socket.on('message', (data, isBinary) => {
      if (!isBinary) return
      const messages = decodeDown(data as Buffer)
      if (typeof messages === 'string') throw new Error(messages)
      this.told.push(...messages)
      this.#wake()
    })
    this.socket.on('close', (code, reason) => {
      this.#reason = `${code} ${reason}`
      this.#wake()
    })
    this.socket.on('error', () => undefined)
  }

  async open(): Promise<this> {
    await once(this.socket, 'open')
    return this
  }

  says(...messages: TopicsUp[]): void {
    const writer = new UpWriter()
    for (const message of messages) writer.append(message)
    for (let frame = writer.take(); frame !== undefined; frame = writer.take()) this.socket.send(frame)
  }

  async produces(producer: number, topic: string, id: string): Promise<void> {
    this.says({ type: 'produce', producer, topic, id, concurrency: 1 })
    await this.hears('produced')
  }

  asks(ask: number, topic: string, more: Partial<Extract<TopicsUp, { type: 'ask' }>> = {}): void {
    this.says({
      type: 'ask',
      ask,
      topic,
      until: 'all',
      withinMs: 5_000,
      named: false,
      patient: false,
      payload: json(1),
      ...more,
    })
  }

  /** Answers everything it is asked, from now on. */
  answers(payload: Payload = json(2)): void {
    this.socket.on('message', () => {
      for (const { request } of this.takes('request')) this.says({ type: 'reply', request, payload })
    })
  }

  /** What it was told of this kind, and forgets. */
  takes<Type extends TopicsDown['type']>(type: Type): Of<Type>[] {
    const taken = this.told.filter((message): message is Of<Type> => message.type === type)
    for (const message of taken) this.told.splice(this.told.indexOf(message), 1)
    return taken
  }

  /** Resolves with the first of this kind, once it was told one. */
  async hears<Type extends TopicsDown['type']>(type: Type): Promise<Of<Type>> {
    for (;;) {
      const at = this.told.findIndex((message) => message.type === type)
      if (at >= 0) return this.told.splice(at, 1)[0] as Of<Type>
      if (this.#reason !== undefined) throw new Error(`the link is closed: ${this.#reason}`)
      await this.#news()
    }
  }

  /** Resolves with the status with which it was refused; `undefined`: it was not. */
  async refusal(): Promise<number | undefined> {
    await Promise.race([this.closed(), once(this.socket, 'open').catch(() => undefined)])
    return this.#refusal
  }

  /** Resolves with the code and the reason, once it is closed. */
  async closed(): Promise<string> {
    while (this.#reason === undefined) await this.#news()
    return this.#reason
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const before = this.#wake
      this.#wake = () => {
        before()
        resolve()
      }
    })
  }
}
