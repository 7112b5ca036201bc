import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, embedded, remote, timing } from 'caucus'
import { expect, onTestFinished, test } from 'vitest'
import { fileStore } from '../../src/stores/file-store.ts'
import { memoryStore } from '../../src/stores/memory-store.ts'
import { codeOf } from './groups.ts'
import { onceContract } from './once.ts'
import { serve } from './server.ts'

onceContract('embedded()', async () => ({
  backend: embedded(),
  guarantees: { exclusion: 'leased', survivesRestart: false, survivesPartition: false },
  close: async () => {},
}))

onceContract('remote() and a server with a data directory', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'caucus-'))
  const server = await serve({ store: await fileStore(directory) })
  return {
    backend: remote([server.url], { timing: timing.local }),
    guarantees: { exclusion: 'fenced', survivesRestart: true, survivesPartition: false },
    close: async () => {
      await server.close()
      await rm(directory, { recursive: true })
    },
  }
})

const client = async (url: string) => {
  const caucus = await connect(remote([url], { timing: timing.local }))
  onTestFinished(() => caucus.close())
  return caucus
}

const never = () => {
  throw new Error('this was to be run by nobody')
}

test('a run goes on over a restart of the server, and its end is told to those who wait', async () => {
  const store = memoryStore()
  const first = await serve({ store, fresh: false })
  const [one, other] = [await client(first.url), await client(first.url)]
  const at = Date.now() + 20
  let begin: (signal: AbortSignal) => void = () => undefined
  let end: (value: string) => void = () => undefined
  const began = new Promise<AbortSignal>((resolve) => {
    begin = resolve
  })
  const held = new Promise<string>((resolve) => {
    end = resolve
  })
  const running = one.once('job', at, ({ signal }) => {
    begin(signal)
    return held
  })
  const signal = await began
  const waiting = other.once('job', at, never)
  await first.kill()
  const second = await serve({ store, port: first.port, fresh: false })
  onTestFinished(() => second.close())
  await new Promise((resolve) => setTimeout(resolve, 1_500))
  expect(signal.aborted).toBe(false)
  end('sent')
  expect(await running).toEqual({ ran: true, value: 'sent' })
  expect(await waiting).toEqual({ ran: false, because: 'done' })
  expect(await other.once('job', at, never)).toEqual({ ran: false, because: 'done' })
})

test('what was run before a restart is not run after it', async () => {
  const store = memoryStore()
  const first = await serve({ store })
  const one = await client(first.url)
  const at = Date.now() + 20
  expect((await one.once('job', at, () => 1)).ran).toBe(true)
  await first.close()
  const second = await serve({ store, port: first.port })
  onTestFinished(() => second.close())
  expect(await codeOf(one.once('job', at, never))).toBe('CAUCUS_ONCE_UNKNOWN')
  expect((await one.once('job', Date.now() + 20, () => 2)).ran).toBe(true)
})

test('over HTTP it is refused', async () => {
  const server = await serve()
  onTestFinished(() => server.close())
  const at = Date.now()
  const put = (group: string, body: object) =>
    fetch(`${server.url}/v1/groups/${encodeURIComponent(group)}/members/a`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ bootId: 'b', sequence: 1, ...body }),
    })
  const refused = await put(`once/job/${at}`, { share: 'once' })
  expect(refused.status).toBe(400)
  expect(await refused.text()).toContain('call once() of the client')
  expect((await put(`once/job/${at}`, {})).status).toBe(409)
})
