import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { type Caucus, connect, remote } from 'caucus'
import { afterEach, expect, test } from 'vitest'
import { fetchLog, keepLogs, search } from '../../examples/topic-remote.ts'
import { endAll, startServer } from './support/processes.ts'

const directory = mkdtempSync(join(tmpdir(), 'caucus-logs-'))
const connections: Caucus[] = []
afterEach(async () => {
  await Promise.all(connections.map((each) => each.close()))
  await endAll()
  rmSync(directory, { recursive: true, force: true })
})

test('logs are searched on all machines, and fetched from one', async () => {
  const server = await startServer(['--fresh'])
  const machine = async (): Promise<Caucus> => {
    const caucus = await connect(remote(server.url))
    connections.push(caucus)
    return caucus
  }
  const lines = Array.from({ length: 100_000 }, (_, n) => `line ${n} ${n % 40_000 === 7 ? 'ERROR' : 'all is well'}`)
  const file = join(directory, 'web-1.log')
  writeFileSync(file, lines.join('\n'))
  const keeping = [
    ...keepLogs(await machine(), 'web-1', file),
    ...keepLogs(await machine(), 'web-2', join(directory, 'missing.log')),
  ]
  for (const producer of keeping) await producer.ready()
  const asker = await machine()
  expect(await search(asker, 'ERROR', 20_000)).toEqual({
    found: { 'web-1': ['line 7 ERROR', 'line 40007 ERROR', 'line 80007 ERROR'] },
    failed: { 'web-2': expect.stringContaining('ENOENT') },
    missing: [],
  })
  const written: Buffer[] = []
  const to = new Writable({
    write: (chunk, _encoding, done) => {
      written.push(chunk)
      setImmediate(done)
    },
  })
  await fetchLog(asker, 'web-1', to, 20_000)
  expect(Buffer.concat(written).toString()).toBe(lines.join('\n'))
  await expect(fetchLog(asker, 'web-2', to, 20_000)).rejects.toThrow('ENOENT')
  await expect(fetchLog(asker, 'web-3', to, 20_000)).rejects.toThrow('web-3 is not there')
})
