import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A model of the original server, with what it does wrong: each change starts the settling anew, without an upper bound; nobody's belief is
 * waited for; members are looked over once a second; a request without a session id joins as `None`; errors are pages of HTML.
 *
 * It is here to show that the checks of these tests catch the original, and that our client works with it.
 */
export class OriginalBloc {
  readonly #timeoutMs: number
  readonly #settleMs: number
  /** Member → its index, once it was given one. */
  #members = new Map<string, number | undefined>()
  readonly #heardAt = new Map<string, number>()
  #settled = false
  #settling: NodeJS.Timeout | undefined
  readonly #scan = setInterval(() => this.#removeSilent(), 1_000)
  readonly #server = createServer((request, response) => this.#handle(request, response))

  private constructor(timeoutMs: number, settleMs: number) {
    this.#timeoutMs = timeoutMs
    this.#settleMs = settleMs
  }

  static async start({ timeoutMs, settleMs }: { timeoutMs: number; settleMs: number }): Promise<OriginalBloc> {
    const bloc = new OriginalBloc(timeoutMs, settleMs)
    bloc.#server.listen(0, '127.0.0.1')
    await once(bloc.#server, 'listening')
    return bloc
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  close(): void {
    clearInterval(this.#scan)
    clearTimeout(this.#settling)
    this.#server.close()
    this.#server.closeAllConnections()
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const session = request.headersDistinct['bloc-session-id']?.[0] ?? 'None'
    const path = request.url?.split('?')[0]
    const allowed = path === '/index' ? ['GET', 'HEAD'] : path === '/session' ? ['DELETE'] : undefined
    if (allowed === undefined) return page(response, 404, 'Not Found')
    if (!allowed.includes(request.method ?? '')) {
      response.setHeader('Allow', allowed.join(', '))
      return page(response, 405, 'Method Not Allowed')
    }
    if (path === '/index') return say(response, this.#poll(session))
    if (!this.#heardAt.has(session)) return page(response, 500, 'Internal Server Error')
    this.#remove(session)
    say(response, {})
  }

  #poll(session: string): object {
    this.#heardAt.set(session, performance.now())
    if (!this.#members.has(session)) {
      this.#members.set(session, undefined)
      this.#changed()
    }
    if (!this.#settled) return { status: 'SETTLING' }
    return { status: 'SETTLED', index: this.#members.get(session), total: this.#members.size }
  }

  #remove(session: string): void {
    this.#heardAt.delete(session)
    this.#members.delete(session)
    this.#changed()
  }

  #changed(): void {
    this.#settled = false
    clearTimeout(this.#settling)
    this.#settling = setTimeout(() => {
      this.#members = new Map([...this.#members.keys()].map((member, place) => [member, place + 1]))
      this.#settled = true
    }, this.#settleMs)
  }

  #removeSilent(): void {
    const now = performance.now()
    for (const [session, at] of this.#heardAt) if (now - at > this.#timeoutMs) this.#remove(session)
  }
}

/** Twisted's way: JSON as text/html, in chunks. */
const say = (response: ServerResponse, body: object): void => {
  response.writeHead(200, { 'Content-Type': 'text/html', 'Transfer-Encoding': 'chunked' })
  response.end(JSON.stringify(body))
}

const page = (response: ServerResponse, status: number, title: string): void => {
  response.writeHead(status, { 'Content-Type': 'text/html' })
  response.end(`<!DOCTYPE HTML><title>${status} ${title}</title><h1>${title}</h1>`)
}
