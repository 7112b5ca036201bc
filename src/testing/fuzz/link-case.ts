import { createHash } from 'node:crypto'
import type { CoordinatorMessage } from '../../core/group/messages.ts'
import { decodeCoordinatorFrame, LINK_PATH } from '../../wire/frames.ts'
import { decodeDown } from '../../wire/topics/down.ts'
import { LINK_SUBPROTOCOLS, PROTOCOLS, type Protocol } from '../../wire/versions.ts'
import { type Case, Sent, type Setting } from './case.ts'
import { between, oneOf, percent, weighted } from './draw.ts'
import { brokenFrame, fragmentsOf, frameOf, OPCODE, type ServerFrame, ServerFrames } from './frames.ts'
import { type HttpAnswer, HttpAnswers } from './http-answers.ts'
import { faultOf, secretIn } from './judge.ts'
import { Line } from './line.ts'
import { MemberFrames } from './member-frames.ts'
import { Memory } from './memory.ts'
import { TopicFrames } from './topic-frames.ts'

/** One link from its handshake to its end: right frames, nearly right ones, and at the end mostly one for which it is closed. */
export const linkCase: Case = async (setting) => {
  const sent = new Sent()
  const link = new FuzzedLink(setting, sent)
  try {
    await link.run()
    return sent.outcome()
  } catch (error) {
    return sent.outcome(error instanceof Error ? error.message : String(error))
  } finally {
    link.end()
  }
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'
/** RFC 6455, and those that an endpoint only ever reports. */
const CODES = new Set([1000, 1001, 1002, 1003, 1005, 1007, 1008, 1009, 1010, 1012, 1013])
const INTERNAL = 1011

const MOST_PINGS = 20
const PONG_MS = 1_000

class FuzzedLink {
  readonly #setting: Setting
  readonly #sent: Sent
  readonly #memory = new Memory()
  readonly #frames: MemberFrames
  readonly #topics: TopicFrames
  readonly #protocol: Protocol
  #line: Line | undefined
  #handshake: HttpAnswer | undefined
  #pongs = 0
  #closed: number | undefined

  constructor(setting: Setting, sent: Sent) {
    this.#setting = setting
    this.#sent = sent
    this.#protocol = oneOf(setting.random, PROTOCOLS)
    this.#frames = new MemberFrames(setting.api, setting.world)
    this.#topics = new TopicFrames(setting.world)
  }

  async run(): Promise<void> {
    if (!(await this.#open())) return
    const { random } = this.#setting
    for (let rounds = between(random, 1, 6); rounds > 0; rounds--) {
      if (!(await this.#round(oneOf(random, [1, 5, 10, 20])))) return
    }
    if (percent(random, 60)) await this.#break()
  }

  end(): void {
    this.#line?.cut(percent(this.#setting.random, 20))
  }

  /** True when it is open. */
  async #open(): Promise<boolean> {
    const { random, world, target, from } = this.#setting
    const key = Buffer.from(String(random.next()).padEnd(16).slice(0, 16)).toString('base64')
    const authorization = world.authorization(random)
    const [query, offered] = this.#offer()
    const headers = [
      `Host: ${target.host}:${target.port}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      `Sec-WebSocket-Key: ${key}`,
      ...(offered === undefined ? [] : [`Sec-WebSocket-Protocol: ${offered}`]),
      ...(authorization === undefined ? [] : [`Authorization: ${authorization.replaceAll(/[^\t\x20-\x7e]/g, '')}`]),
      ...(percent(random, 5) ? ['Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits'] : []),
    ]
    if (percent(random, 6)) headers.splice(random.below(headers.length), 1)
    else if (percent(random, 4))
      headers.push(
        oneOf(random, [
          'Sec-WebSocket-Version: 99',
          'Origin: https://evil.example',
          `Sec-WebSocket-Key: ${key}`,
          'Sec-WebSocket-Protocol: ,,',
        ]),
      )
    const request = Buffer.from(`GET ${LINK_PATH}${query} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`)
    const answers = new HttpAnswers(() => false)
    const frames = new ServerFrames()
    this.#line = await Line.open(target, from, (chunk) => {
      let rest = chunk
      if (this.#handshake === undefined) {
        for (const answer of answers.take(chunk)) this.#handshake = answer
        rest = this.#handshake?.status === 101 ? answers.rest : Buffer.alloc(0)
      }
      for (const frame of frames.take(rest)) this.#take(frame)
    })
    this.#sent.add(request)
    this.#line.send(request)
    await this.#line.until('to answer a handshake', () => this.#handshake !== undefined)
    const { status, headers: answered } = this.#handshake ?? { status: 0, headers: new Map<string, string>() }
    if (this.#handshake === undefined) throw new Error('a handshake has no answer')
    if (status !== 101) {
      const fault = faultOf(this.#handshake, undefined, false)
      if (fault !== undefined) throw new Error(fault)
      return false
    }
    const accept = createHash('sha1')
      .update(key + GUID)
      .digest('base64')
    if (answered.get('sec-websocket-accept') !== accept) throw new Error('a handshake is accepted with a wrong key')
    return true
  }

  #offer(): readonly [query: string, header: string | undefined] {
    const { random } = this.#setting
    const name = `caucus.v${this.#protocol}`
    // The server takes the newest of those that are offered, and then this is not the version that is spoken.
    if (percent(random, 3)) return ['', oneOf(random, ['', 'caucus.v99', 'other', 'caucus.v0'])]
    if (percent(random, 20)) return [`?protocol=${this.#protocol}`, undefined]
    return [
      '',
      this.#protocol === PROTOCOLS[0] ? LINK_SUBPROTOCOLS.join(', ') : percent(random, 50) ? name : `${name}, other`,
    ]
  }

  /** True when it is still open. */
  async #round(size: number): Promise<boolean> {
    const { random } = this.#setting
    const pieces: Buffer[] = []
    for (let left = size; left > 0; left--) {
      const isTopics = this.#protocol >= 2 && percent(random, 40)
      const opcode = isTopics ? OPCODE.binary : OPCODE.text
      const payload = isTopics
        ? this.#topics.draw(random)
        : Buffer.from(this.#frames.draw(random, this.#memory, this.#protocol))
      const frame = percent(random, 5) ? fragmentsOf(payload, random, opcode) : frameOf({ opcode, payload })
      pieces.push(frame)
      this.#sent.add(frame)
    }
    this.#line?.send(Buffer.concat(pieces))
    return this.#heard()
  }

  /** Resolves once the server has taken everything: with true, or with false when it has ended the link. */
  async #heard(): Promise<boolean> {
    const before = this.#pongs
    const isHeard = () => this.#pongs > before || this.#closed !== undefined
    // A pong comes after whatever was said before its ping; but not when more than a little waits for the client already.
    for (let tries = 0; tries < MOST_PINGS && !isHeard() && this.#line?.isEnded === false; tries++) {
      this.#line.send(frameOf({ opcode: OPCODE.ping, payload: Buffer.from('done') }))
      await this.#line.until('to answer a ping', isHeard, PONG_MS)
    }
    if (!isHeard() && this.#line?.isEnded === false) throw new Error(`the server answers none of ${MOST_PINGS} pings`)
    return this.#pongs > before && this.#closed === undefined
  }

  async #break(): Promise<void> {
    const { random } = this.#setting
    const payload = Buffer.from(this.#frames.draw(random, this.#memory, this.#protocol))
    const broken = weighted<() => Buffer>(random, [
      [50, () => brokenFrame(payload, random)],
      [25, () => frameOf({ opcode: OPCODE.text, payload: Buffer.from(this.#frames.broken(random, this.#memory)) })],
      [25, () => frameOf({ opcode: OPCODE.binary, payload: this.#topics.broken(random) })],
    ])()
    this.#sent.add(broken)
    this.#line?.send(broken)
    const isOver = () => this.#closed !== undefined || this.#line?.isEnded === true
    // Some are right by chance, or wait for the rest of the frame.
    await this.#line?.until('to end a link', isOver, 50)
    this.#line?.end()
    await this.#line?.until('to end a link that its client has ended', isOver)
  }

  #take({ opcode, payload }: ServerFrame): void {
    if (this.#closed !== undefined) throw new Error('the server goes on after its close')
    const text = payload.toString('utf8')
    const secret = secretIn(text)
    if (secret !== undefined) throw new Error(`a frame has ${JSON.stringify(secret)} in it: ${text.slice(0, 300)}`)
    if (opcode === OPCODE.pong) {
      if (text === 'done') this.#pongs++
    } else if (opcode === OPCODE.close) this.#close(payload)
    else if (opcode === OPCODE.text) this.#read(text)
    else if (opcode === OPCODE.binary) this.#readTopics(payload)
    else if (opcode !== OPCODE.ping) throw new Error(`the server sends a frame of the kind ${opcode}`)
  }

  #close(payload: Buffer): void {
    this.#closed = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
    const reason = payload.toString('utf8', 2)
    if (this.#closed === INTERNAL || reason.includes('CAUCUS_BACKEND')) throw new Error(`the server failed: ${reason}`)
    // Our own code comes back.
    if (!CODES.has(this.#closed) && !(this.#closed >= 3000 && this.#closed <= 4999))
      throw new Error(`a link is closed with ${this.#closed}`)
  }

  #read(text: string): void {
    const messages = decodeCoordinatorFrame(text, this.#protocol)
    if (typeof messages === 'string')
      throw new Error(
        `the server says what no client of version ${this.#protocol} takes: ${messages}: ${text.slice(0, 300)}`,
      )
    for (const message of messages) this.#learn(message)
  }

  #readTopics(payload: Buffer): void {
    if (this.#protocol < 2) throw new Error('the server sends bytes to a client of version 1')
    const messages = decodeDown(payload)
    if (typeof messages === 'string') throw new Error(`the server says on topics what no client takes: ${messages}`)
    for (const message of messages) {
      // What the fuzzer may not do must not reach it either.
      if (message.type === 'request' && message.from.startsWith('canary'))
        throw new Error('the fuzzer is asked by a canary')
      this.#topics.heard(message)
    }
  }

  #learn(message: CoordinatorMessage): void {
    if (message.type === 'hello' && message.protocol !== this.#protocol)
      throw new Error(`the hello names version ${message.protocol}, and ${this.#protocol} was agreed on`)
    this.#memory.learn(message)
    if (message.type === 'share') this.#memory.admitted(message.group, message.member, message.bootId, { ...message })
  }
}
