import type { Api } from './api.ts'
import { type Case, Sent, type Setting } from './case.ts'
import { between, oneOf, percent } from './draw.ts'
import { type HttpAnswer, HttpAnswers } from './http-answers.ts'
import { type HttpInput, HttpInputs } from './http-input.ts'
import { faultOf } from './judge.ts'
import { Line } from './line.ts'
import { Memory } from './memory.ts'
import type { World } from './world.ts'

/** A server that takes the rest of a request for granted waits for it this long, unless it is told that nothing comes. */
const HELD_MS = 100

/** Requests on one connection, several at a time, and what each of them is answered. */
export const httpCase: Case = async (setting) => {
  const sent = new Sent()
  try {
    const conversation = await Conversation.begin(setting, sent)
    try {
      await conversation.run()
    } finally {
      conversation.end()
    }
    return sent.outcome()
  } catch (error) {
    return sent.outcome(error instanceof Error ? error.message : String(error))
  }
}

interface Asked extends HttpInput {
  answer?: HttpAnswer
}

class Conversation {
  readonly #setting: Setting
  readonly #sent: Sent
  readonly #inputs: HttpInputs
  readonly #memory = new Memory()
  readonly #line: Line
  readonly #answers: HttpAnswer[]
  #asked: Asked[] = []
  /** Drawn, and to be sent by itself. */
  #held: HttpInput | undefined

  static async begin(setting: Setting, sent: Sent): Promise<Conversation> {
    const answers: HttpAnswer[] = []
    let conversation: Conversation | undefined
    const reader = new HttpAnswers(() => conversation?.isNextHead === true)
    const line = await Line.open(setting.target, setting.from, (chunk) => {
      for (const answer of reader.take(chunk)) answers.push(answer)
    })
    conversation = new Conversation(setting, sent, line, answers)
    return conversation
  }

  private constructor(setting: Setting, sent: Sent, line: Line, answers: HttpAnswer[]) {
    const { api, world, target } = setting
    this.#setting = setting
    this.#sent = sent
    this.#line = line
    this.#answers = answers
    this.#inputs = inputsOf(api, world, `${target.host}:${target.port}`)
  }

  get isNextHead(): boolean {
    return this.#asked[this.#answers.length]?.method === 'HEAD'
  }

  async run(): Promise<void> {
    const { random } = this.#setting
    for (let rounds = between(random, 1, 8); rounds > 0 || this.#held !== undefined; rounds--) {
      if (!(await this.#round(oneOf(random, [1, 4, 8, 16])))) return
    }
  }

  end(): void {
    this.#line.cut(percent(this.#setting.random, 10))
  }

  /** True when the connection may be used for more. */
  async #round(size: number): Promise<boolean> {
    const { random } = this.#setting
    this.#asked = []
    this.#answers.length = 0
    while (this.#asked.length < size) {
      const input = this.#held ?? this.#inputs.draw(random, this.#memory)
      this.#held = undefined
      if (input.mayEnd && this.#asked.length > 0 && percent(random, 50)) {
        // By itself, after what came before has been answered.
        this.#held = input
        break
      }
      this.#asked.push(input)
      this.#sent.add(input.bytes)
      // What comes after it may be taken for a part of it.
      if (input.mayEnd || isStream(input)) break
    }
    this.#line.send(Buffer.concat(this.#asked.map(({ bytes }) => bytes)))
    const isDone = () => this.#answers.length >= this.#asked.length || this.#answers.at(-1)?.isStream === true
    const last = this.#asked.at(-1)
    const mayWait = last?.mayEnd === true
    if (
      !(await this.#line.until('to answer', isDone, mayWait ? HELD_MS : undefined)) &&
      mayWait &&
      !this.#line.isClosed
    ) {
      // It waits for what it takes for the rest of the request. Told that nothing comes, it has to say something or end.
      this.#line.end()
      await this.#line.until('to answer a request without its end', () => isDone() || this.#line.isEnded)
    }
    this.#judge()
    const { isStream: goesOn = false, headers } = this.#answers.at(-1) ?? {}
    // Said with the answer; the end itself may still be on its way.
    const isOver = headers?.get('connection') === 'close' || this.#line.isEnded
    return isDone() && !mayWait && !goesOn && !isOver
  }

  #judge(): void {
    for (const [index, answer] of this.#answers.entries()) {
      const asked = this.#asked[index]
      const fault = faultOf(answer, asked?.route, asked?.method === 'HEAD')
      if (fault !== undefined) throw new Error(`${fault} (request ${index + 1} of ${this.#asked.length} in one write)`)
      this.#learn(asked, answer)
    }
    const missing = this.#asked.length - this.#answers.length
    if (missing > 0 && !this.#asked.at(-1)?.mayEnd) {
      const why = this.#line.failure ?? 'the connection was ended'
      const { headers, isStream } = this.#answers.at(-1) ?? {}
      // What was asked after a stream waits for its end.
      if (headers?.get('connection') !== 'close' && !isStream)
        throw new Error(`${missing} of ${this.#asked.length} requests have no answer: ${why}`)
    }
  }

  #learn(asked: Asked | undefined, { status, body, headers }: HttpAnswer): void {
    if (
      status !== 200 ||
      asked?.route === undefined ||
      headers.get('content-type')?.startsWith('application/json') !== true
    )
      return
    if (body.length > 20_000) return
    const answer = JSON.parse(body) as Readonly<Record<string, unknown>>
    this.#memory.learn(answer)
    if (asked.of !== undefined) this.#memory.admitted(asked.of.group, asked.of.member, asked.of.bootId, answer)
  }
}

const isStream = ({ route }: HttpInput): boolean =>
  route !== undefined && [...route.successes.values()].some(({ type }) => type === 'text/event-stream')

/** The same for all cases of a run. */
const inputsOf = (api: Api, world: World, host: string): HttpInputs => {
  if (made?.api !== api || made.world !== world || made.host !== host)
    made = { api, world, host, inputs: new HttpInputs(api, world, host) }
  return made.inputs
}
let made: { readonly api: Api; readonly world: World; readonly host: string; readonly inputs: HttpInputs } | undefined
