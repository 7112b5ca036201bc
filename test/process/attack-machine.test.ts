import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Arena } from './support/attack-arena.ts'
import { LOOPBACK_NET, limit, MOUNTS, PRLIMIT, SmallDisk } from './support/attack-machine.ts'
import { RawMember } from './support/attack-member.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-attack-'))
})
afterEach(async () => {
  await Arena.end()
  rmSync(folder, { recursive: true, force: true })
})

/** A member that says what makes the coordinator take a later generation, which has to be written before it is used. */
const liarOf = async (arena: Arena) => {
  const link = await arena.link()
  const liar = new RawMember(link, { group: 'attacker-writes', member: 'liar', share: { partitions: 1 } })
  await liar.has(1)
  liar.end()
  const generation = liar.share?.generation ?? 0
  const lie = () => liar.renew({ holding: [{ item: 0, epoch: (liar.held[0]?.epoch ?? 0) + 1_000 }] })
  const failures = () => arena.metric('caucus_coordinator_write_failures_total')
  return {
    /** Resolves once writing has failed again and again. */
    failed: () =>
      waitFor('writes to fail', async () => {
        lie()
        return (await failures()) >= 2
      }),
    written: () =>
      waitFor('the later generation', () => {
        lie()
        return link.frames.some((frame) => frame.includes(`"generation":${generation + 1}`))
      }),
  }
}

describe('a disk that takes nothing more', () => {
  const lackOfLimits = lackFor('a disk quota that is used up', [PRLIMIT])
  test.skipIf(lackOfLimits)('because of a quota harms nobody, and is told where somebody reads it', async () => {
    const audit = join(folder, 'audit.jsonl')
    const arena = await Arena.serve(['--data-dir', join(folder, 'data'), '--audit-log', audit])
    await arena.watch()
    await arena.withstands(async () => {
      const liar = await liarOf(arena)
      limit(arena.server.pid, 'fsize', 0)
      await liar.failed()
      expect((await arena.ask('DELETE', '/v1/groups/attacker-writes/members/liar')).status).toBe(200)
      await waitFor('the audit log to fail', () =>
        arena.server.stderr().includes('cannot be written; its lines stand here'),
      )
      expect(await arena.harms()).toEqual([])
      limit(arena.server.pid, 'fsize', 'unlimited')
      await liar.written()
    })
    await arena.ask('DELETE', '/v1/groups/attacker-late/members/late')
    await waitFor('the audit log to be written', () => readFileSync(audit, 'utf8').includes('"member":"late"'))
  })

  const lackOfMounts = lackFor('a disk that is full, or read-only', [MOUNTS])
  describe.skipIf(lackOfMounts)('of its own', () => {
    let disk: SmallDisk
    beforeEach(() => {
      mkdirSync(join(folder, 'disk'))
      disk = new SmallDisk(join(folder, 'disk'), 65_536)
    })
    afterEach(() => disk.remove())

    test('because it is full harms nobody either, and the server goes on once there is room', async () => {
      const arena = await Arena.serve(['--data-dir', join(disk.folder, 'data')])
      await arena.watch()
      await arena.withstands(async () => {
        const liar = await liarOf(arena)
        const filler = join(disk.folder, 'filler')
        expect(() => writeFileSync(filler, Buffer.alloc(65_536))).toThrow('ENOSPC')
        await liar.failed()
        expect(arena.server.stderr()).toContain('the disk is full; make room')
        expect(await arena.harms()).toEqual([])
        rmSync(filler)
        await liar.written()
      })
    })

    test('because it is read-only ends the server, and its next one finds everybody with what they had', async () => {
      const args = ['--data-dir', join(disk.folder, 'data')]
      const arena = await Arena.serve(args)
      await arena.watch()
      const before = await arena.witnessed()
      disk.remount('ro')
      // It cannot show any more that the directory is its own, so somebody else might take it.
      await waitFor('the server to give up', () => arena.server.ended())
      expect([arena.server.ended()?.code, arena.server.stderr()]).toEqual([1, expect.stringContaining('EROFS')])
      disk.remount('rw')
      await arena.restart(args)
      await waitFor('the members to be back', async () => {
        const group = (await arena.groups()).find(({ name }) => name === 'witness-partitions')
        return group?.total === 2
      })
      const after = await arena.witnessed()
      expect([after.harms, after.partitions]).toEqual([[], before.partitions])
    })
  })
})

describe('a server that may have few files open', () => {
  const FILES = 256
  const lack = lackFor('a server with few file descriptors', [PRLIMIT, LOOPBACK_NET])

  test.skipIf(lack)('takes fewer connections, so that it has descriptors for what it must do', async () => {
    const rules = join(folder, 'tokens')
    writeFileSync(rules, 'token-of-the-operator\n', { mode: 0o600 })
    const args = ['--data-dir', join(folder, 'data'), '--token-file', rules, '--audit-log', join(folder, 'audit.jsonl')]
    const arena = await Arena.serve(args, 'token-of-the-operator', ['prlimit', `--nofile=${FILES}`])
    expect(arena.server.stderr()).toContain('raise that limit (ulimit -n)')
    await arena.watch()
    await arena.withstands(async () => {
      const liar = await liarOf(arena)
      const sockets = await arena.flood(2 * FILES, '127.0.0.2')
      await waitFor('most of them to be closed', () => sockets.filter(({ closed }) => closed).length > FILES)
      // It writes its data, its audit log and its lock, reads its tokens, and takes newcomers, all through the flood.
      await liar.written()
      await arena.ask('DELETE', '/v1/groups/attacker-writes/members/liar')
      await waitFor('a line of the audit log', () =>
        readFileSync(join(folder, 'audit.jsonl'), 'utf8').includes('evict'),
      )
      const looked = () => statSync(join(folder, 'data', 'lock')).mtimeMs
      const before = looked()
      await waitFor('the lock to be touched', () => looked() > before)
      writeFileSync(rules, 'token-of-the-operator\nanother-token\n', { mode: 0o600 })
      await waitFor('the tokens to be read', async () => (await arena.metric('caucus_access_entries')) === 2)
      expect(await arena.harms()).toEqual([])
    })
    expect(arena.server.stderr()).not.toContain('EMFILE')
  })
})
