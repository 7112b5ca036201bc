import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { WebSocket } from 'ws'
import type {
  CoordinatorMessage,
  Holding,
  MemberMessage,
  Renew,
  ShareMessage,
} from '../../../src/core/group/messages.ts'
import { asThatVersion, itemsOf, type Line } from './recording.ts'

/** How long a recorded word may be waited for, and how often a member renews meanwhile. */
const WAIT_MS = 10_000
const HEARTBEAT_MS = 200

export interface OlderMemberOptions {
  readonly lines: readonly Line[]
  /** Where links are taken; asked at every connection. */
  url(): string
  /** Does what was done while it was recorded. */
  stage(what: string): Promise<void> | void
}

/**
 * A member as it was recorded: it says what it said then, in that order and at that pace, and waits for each word that it then was
 * told. Only what a coordinator gives out (generation, incarnation, order, epochs) is taken from the one that is there now.
 */
export class OlderMember {
  readonly #options: OlderMemberOptions
  readonly #heard: CoordinatorMessage[] = []
  readonly #epochs = new Map<number, number>()
  #socket: WebSocket | undefined
  #generation = 0
  #share: ShareMessage | undefined
  #renew: Renew | undefined
  #sequence = 0
  /** What it was told in the end. */
  readonly told: string[] = []
  /** Items that it held and that were gone without a word. */
  readonly vanished: string[] = []

  constructor(options: OlderMemberOptions) {
    this.#options = options
  }

  /** Resolves when everything recorded has been said and heard. */
  async play(): Promise<void> {
    let at = 0
    for (const line of this.#options.lines) {
      if ('from' in line && line.from === 'member') {
        await sleep(line.at - at)
        this.#say(line.frame)
      } else if ('from' in line) for (const message of line.frame as CoordinatorMessage[]) await this.#hear(message)
      else if ('stage' in line) await this.#options.stage(line.stage)
      else if (line.link === 'opened') await this.#open(line)
      else await this.#close()
      at = line.at
    }
  }

  async #open({ offered, chosen }: Extract<Line, { link: 'opened' }>): Promise<void> {
    this.#heard.length = 0
    const socket = new WebSocket(`${this.#options.url().replace('http', 'ws')}/v1/link`, [...offered])
    socket.on('message', (data) => this.#heard.push(...asThatVersion<CoordinatorMessage>(String(data))))
    socket.on('close', (code, reason) => this.told.push(`closed ${code} ${String(reason)}`.trim()))
    await once(socket, 'open')
    expect(socket.protocol).toBe(chosen)
    this.#socket = socket
  }

  async #close(): Promise<void> {
    const socket = this.#socket
    if (socket === undefined || socket.readyState === WebSocket.CLOSED) return
    socket.close()
    await once(socket, 'close')
  }

  #say(recorded: readonly MemberMessage[]): void {
    const frame = recorded.map((message): MemberMessage => {
      const sequence = ++this.#sequence
      if (message.type === 'leave') return { ...message, sequence, incarnation: this.#share?.incarnation ?? 0 }
      this.#renew = message
      return this.#renewal(message, sequence)
    })
    this.#socket?.send(JSON.stringify(frame))
  }

  #renewal(message: Renew, sequence: number): Renew {
    const share = this.#share
    return {
      ...message,
      sequence,
      order: message.order === 0 ? 0 : (share?.order ?? 0),
      ...(message.generation !== undefined && { generation: this.#generation }),
      ...(message.incarnation !== undefined && share !== undefined && { incarnation: share.incarnation }),
      holding: this.#atNow(message.holding),
      draining: this.#atNow(message.draining),
      acknowledged: this.#atNow(message.acknowledged),
    }
  }

  #atNow(items: readonly Holding[]): readonly Holding[] {
    return items.map((holding) => ({ ...holding, epoch: this.#epochs.get(holding.item) ?? holding.epoch }))
  }

  /** Takes what comes until it is what was recorded, and renews in between so that the lease does not run out. */
  async #hear(recorded: CoordinatorMessage): Promise<void> {
    const until = performance.now() + WAIT_MS
    let beat = performance.now() + HEARTBEAT_MS
    for (;;) {
      const message = this.#heard.shift()
      if (message === undefined) {
        if (performance.now() > until) expect.fail(`never heard what was recorded: ${JSON.stringify(recorded)}`)
        if (performance.now() > beat && this.#renew !== undefined) {
          beat = performance.now() + HEARTBEAT_MS
          this.#socket?.send(JSON.stringify([this.#renewal(this.#renew, ++this.#sequence)]))
        }
        await sleep(5)
        continue
      }
      this.#take(message)
      if (isLike(message, recorded)) return
    }
  }

  #take(message: CoordinatorMessage): void {
    if (message.type === 'hello') {
      expect(message.protocol).toBe(1)
      this.#generation = message.generation
    } else if (message.type !== 'share') this.told.push(message.type === 'refused' ? message.code : message.type)
    else {
      const before = this.#share?.incarnation === message.incarnation ? this.#share.holding : []
      const now = new Set([...message.holding, ...message.revoked].map(({ item }) => item))
      for (const { item } of before) if (!now.has(item)) this.vanished.push(`${item} in ${JSON.stringify(message)}`)
      for (const { item, epoch } of [...message.holding, ...message.revoked]) this.#epochs.set(item, epoch)
      this.#share = message
    }
  }
}

/** Whether it says the same to the member; a state that only passes through is not waited for. */
const isLike = (message: CoordinatorMessage, recorded: CoordinatorMessage): boolean => {
  if (message.type !== recorded.type) return false
  if (message.type === 'refused' && recorded.type === 'refused') return message.code === recorded.code
  if (message.type !== 'share' || recorded.type !== 'share') return true
  if (itemsOf(message.revoked) !== itemsOf(recorded.revoked)) return false
  if (recorded.state === 'settling' && recorded.revoked.length === 0) return true
  return message.state === recorded.state && itemsOf(message.holding) === itemsOf(recorded.holding)
}
