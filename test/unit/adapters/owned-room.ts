import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach } from 'vitest'
import { type OwnedOptions, owned } from '../../../src/adapters/owned.ts'
import type { WebRequest } from '../../../src/adapters/web.ts'
import type { GroupView, MemberView } from '../../../src/core/group/view.ts'
import { Latest } from '../../../src/runtime/latest.ts'

export const closing: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

export const listening = async (server: Server): Promise<string> => {
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const bodyOf = async (incoming: IncomingMessage): Promise<string> => {
  let body = ''
  for await (const part of incoming) body += part
  return body
}

/** What says what it was asked, and with which token. */
export const say = (who: string) => async (incoming: IncomingMessage, response: ServerResponse) => {
  const body = await bodyOf(incoming)
  const { 'x-caucus-token': token, ...headers } = incoming.headers
  response.writeHead(200, { 'x-who': who, 'set-cookie': ['a=1', 'b=2'], connection: 'x-secret', 'x-secret': '1' })
  response.end(JSON.stringify({ who, method: incoming.method, url: incoming.url, body, token, headers }))
}

export const member = (id: string, partitions: readonly number[], metadata: unknown): MemberView => ({
  id,
  incarnation: 1,
  partitions,
  epoch: 7,
  metadata,
})

/** A group of one partition, and who has it according to whom. */
export class Room {
  readonly shares = new Latest(0)
  members: MemberView[] = []
  reads = 0
  fails = false
  /** By member: its token, if it really has the key. */
  readonly tokens = new Map<string, number>()

  readonly group = {
    view: async (): Promise<GroupView> => {
      this.reads++
      if (this.fails) throw new Error('the coordinator is away')
      return { name: 'g', state: 'settled', epoch: 7, total: 2, share: { partitions: 1 }, members: this.members }
    },
  }

  membership(id: string) {
    return { id, token: () => this.tokens.get(id), watch: () => this.shares.watch() }
  }

  /** The web server of a member, as Connect and Express call a middleware. */
  async serve(id: string, options: Partial<OwnedOptions<WebRequest>> = {}): Promise<string> {
    closing.push(() => this.shares.close())
    const only = owned(this.group, this.membership(id), { key: () => 'k', ...options })
    const answer = say(id)
    return listening(
      createServer((incoming, response) =>
        only(incoming, response, (error) => {
          if (error === undefined) void answer(incoming, response)
          else response.writeHead(500).end(error.message)
        }),
      ),
    )
  }

  /** `a`, which does not have the key, and `b`, which has. */
  async pair(options: Partial<OwnedOptions<WebRequest>> = {}): Promise<{ readonly a: string; readonly b: string }> {
    const [a, b] = await Promise.all([this.serve('a', options), this.serve('b', options)])
    this.tokens.set('b', 42)
    this.members = [member('a', [], { url: a }), member('b', [0], { url: b })]
    return { a, b }
  }
}
