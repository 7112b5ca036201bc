import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type WebSocket, WebSocketServer } from 'ws'
import type { CoordinatorMessage, Hello, MemberMessage, ShareMessage } from '../../../src/core/group/messages.ts'
import { asThatVersion, itemsOf, type Line } from './recording.ts'

/**
 * A server as it was recorded, to one member: it takes links of version 1 alone, ends them at whatever that version does not know,
 * and answers what it answered then as soon as the member says what was said then. Until then it answers with what it said last.
 */
export class OlderServer {
  readonly #http = createServer((_request, response) => response.writeHead(404).end())
  readonly #upgrades = new WebSocketServer({ noServer: true, handleProtocols: () => 'caucus.v1' })
  readonly #lines: readonly Line[]
  #next = 0
  #socket: WebSocket | undefined
  #hello: Hello | undefined
  #share: ShareMessage | undefined
  #order = 0
  #isTalking = false
  readonly #unheard: MemberMessage[] = []
  #sequence = 0
  #bootId = ''
  /** What it has let go of, once or twice: a member repeats an acknowledgement that may have been lost. */
  readonly #acknowledged = new Set<number>()
  /** What clients offered when they connected. */
  readonly offered: string[] = []

  constructor(lines: readonly Line[]) {
    this.#lines = lines
    this.#http.on('upgrade', (request, socket, head) => {
      const offered = request.headers['sec-websocket-protocol'] ?? ''
      this.offered.push(offered)
      // As version 1 decides it.
      const isRight = offered.split(',').some((each) => each.trim() === 'caucus.v1')
      if (isRight) this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => this.#taken(webSocket))
      else socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
    })
  }

  async listen(): Promise<string> {
    this.#http.listen(0, '127.0.0.1')
    await once(this.#http, 'listening')
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** Whether all that was recorded has been said and heard; but for a leave said twice, and the end of the link. */
  get isDone(): boolean {
    const isEnd = ({ type }: MemberMessage | CoordinatorMessage) => type === 'leave' || type === 'left'
    return this.#lines
      .slice(this.#next)
      .every((line) => ('frame' in line ? line.frame.every(isEnd) : 'link' in line && line.link === 'closed'))
  }

  /** Whether the member left at this point. */
  get expectsLeave(): boolean {
    const line = this.#lines[this.#next]
    return line !== undefined && 'frame' in line && line.frame.some(({ type }) => type === 'leave')
  }

  close(): void {
    this.#socket?.terminate()
    this.#http.close()
    this.#http.closeAllConnections()
  }

  #taken(socket: WebSocket): void {
    this.#socket = socket
    socket.on('message', (data) => {
      for (const message of asThatVersion<MemberMessage>(String(data))) this.#hear(message)
    })
    const line = this.#lines[this.#next]
    // A machine that is busy may lose a connection in the midst of it, and a server greets whoever comes back.
    if (line === undefined || !('link' in line) || line.link === 'closed') {
      if (this.#hello !== undefined) this.#say([this.#hello])
      return
    }
    this.#next++
    void this.#goOn()
  }

  /** Says what came next, at the pace of then, up to the next word of the member; what that says meanwhile is heard afterwards. */
  async #goOn(): Promise<void> {
    this.#isTalking = true
    let at = this.#lines[this.#next - 1]?.at ?? 0
    for (let line = this.#lines[this.#next]; line !== undefined; line = this.#lines[++this.#next]) {
      if ('link' in line && line.link === 'opened') break
      if ('from' in line && line.from === 'member') break
      await sleep(line.at - at)
      at = line.at
      if ('from' in line) this.#say(line.frame as readonly CoordinatorMessage[])
      else if ('stage' in line && line.stage.includes('restarted')) this.#socket?.close(1001)
    }
    this.#isTalking = false
    for (const message of this.#unheard.splice(0)) this.#hear(message)
  }

  #say(recorded: readonly CoordinatorMessage[]): void {
    const frame = recorded.map((message): CoordinatorMessage => {
      if (message.type === 'hello') {
        this.#hello = message
        return message
      }
      if (message.type !== 'share') return { ...message, bootId: this.#bootId }
      // A new session counts from one again.
      if (message.order === 1) this.#order = 0
      this.#share = { ...message, bootId: this.#bootId, sequence: this.#sequence, order: ++this.#order }
      return this.#share
    })
    this.#socket?.send(JSON.stringify(frame))
  }

  #hear(message: MemberMessage): void {
    if (this.#isTalking) {
      this.#unheard.push(message)
      return
    }
    this.#bootId = message.bootId
    this.#sequence = message.sequence
    const line = this.#lines[this.#next]
    const expected = line !== undefined && 'from' in line ? (line.frame as readonly MemberMessage[]) : []
    if (message.type === 'renew') for (const { item } of message.acknowledged) this.#acknowledged.add(item)
    if (expected.some((each) => meaningOf(each) === meaningOf(message) && this.#hasAcknowledged(each))) {
      this.#next++
      void this.#goOn()
    } else if (message.type === 'leave') {
      const { group, member, bootId } = message
      this.#say([{ type: 'left', group, member, bootId }])
    } else if (this.#share !== undefined) this.#say([{ ...this.#share, order: 2 }])
  }

  #hasAcknowledged(message: MemberMessage): boolean {
    return message.type === 'leave' || message.acknowledged.every(({ item }) => this.#acknowledged.has(item))
  }
}

const meaningOf = (message: MemberMessage): string => {
  if (message.type === 'leave') return 'leave'
  const { holding, draining, generation, leaving = false } = message
  return JSON.stringify([generation, leaving, itemsOf(holding), itemsOf(draining)])
}
