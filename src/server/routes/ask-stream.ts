import type { ServerResponse } from 'node:http'
import type { Payload, Streamed } from '../../core/dispatch/link-messages.ts'
import type { Answer, Summary } from '../../core/dispatch/messages.ts'
import { CaucusError } from '../../errors.ts'
import type { AskPort, AskSink } from '../../ports/topics.ts'
import { ASK_LINES_TYPE, errorLine, failedLine, replyLine, summaryLine } from '../../wire/ask-lines.ts'

const HEADERS = {
  'content-type': ASK_LINES_TYPE,
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
}

/** The answers to one ask, written as they arrive. What comes before `open` waits, so that a refusal still has a status of its own. */
export class AskStream implements AskSink {
  readonly #response: ServerResponse
  readonly #bufferBytes: number
  #early: string[] | undefined = []
  #port: AskPort | undefined
  #onEnd: () => void = () => undefined
  #refusal: CaucusError | undefined
  #over = false

  /** `bufferBytes`: how much may wait for somebody who does not read. */
  constructor(response: ServerResponse, bufferBytes: number) {
    this.#response = response
    this.#bufferBytes = bufferBytes
  }

  /** Why it was not asked at all. */
  get refusal(): CaucusError | undefined {
    return this.#refusal
  }

  /** From here on it is written. `port` calls it off; `onEnd` is called once, when nothing more will be written. */
  open(port: AskPort, onEnd: () => void): void {
    const early = this.#early ?? []
    this.#early = undefined
    this.#port = port
    this.#onEnd = onEnd
    const response = this.#response
    // Written to a moment after its end: there is nobody left to miss it.
    response.on('error', () => this.#callOff())
    response.once('close', () => this.#callOff())
    // An ask may be silent for as long as it likes: it has a limit of its own.
    response.socket?.setTimeout(0)
    response.writeHead(200, HEADERS)
    response.flushHeaders()
    for (const line of early) response.write(line)
    if (this.#over) this.#close()
    else if (response.destroyed || response.socket?.destroyed !== false) this.#callOff()
  }

  /** Nobody needs the rest. Whoever still reads is told why. */
  breakOff(error: CaucusError): void {
    if (this.#over) return
    this.#port?.abandon()
    this.failed(error)
  }

  /** The reply, unless this asker cannot take it: then it is a failure before it counts. */
  accept(value: unknown): unknown {
    if ((value as Payload | Streamed).kind === 'stream') {
      throw new CaucusError(
        'CAUCUS_TOO_LARGE',
        'the reply is a stream, which HTTP does not carry: ask with the SDK, or have the producer give less',
      )
    }
    if (this.#response.writableLength <= this.#bufferBytes) return value
    throw new CaucusError('CAUCUS_OVERLOADED', 'the asker reads its answers too slowly; this one was dropped')
  }

  answered(answer: Answer): void {
    // What this server hosts are payloads, and `accept` lets no stream through.
    this.#say(answer.type === 'error' ? errorLine(answer) : replyLine(answer.from, answer.value as Payload))
  }

  finished(summary: Summary, tally: { readonly late: number }): void {
    this.#say(summaryLine(summary, tally.late))
    this.#end()
  }

  failed(error: CaucusError): void {
    if (this.#early !== undefined) this.#refusal = error
    this.#say(failedLine(error))
    this.#end()
  }

  #say(line: string): void {
    if (this.#early === undefined) this.#response.write(`${line}\n`)
    else this.#early.push(`${line}\n`)
  }

  #callOff(): void {
    if (this.#over) return
    this.#port?.abandon()
    this.#end()
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    if (this.#early === undefined) this.#close()
  }

  #close(): void {
    this.#response.end()
    this.#onEnd()
  }
}
