import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { RenewAnswer } from '../../src/wire/http.ts'
import { endAll, type Running, type RunningServer, startCaucus, startServer } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-operations-'))
const auditLog = join(folder, 'audit.log')
let server: RunningServer
beforeAll(async () => {
  server = await startServer(['--fresh', '-s', '0.1', '-t', '2', '--audit-log', auditLog])
})
const members: HttpMember[] = []
afterAll(async () => {
  for (const member of members) member.stop()
  await endAll()
  rmSync(folder, { recursive: true, force: true })
})

const ended = async (running: Running) => {
  const end = await waitFor('the command to end', () => running.ended())
  return { code: end.code, stdout: running.stdout(), stderr: running.stderr() }
}
const start = (...args: string[]) => startCaucus(args, { CAUCUS_SERVER: server.url })
const caucus = (...args: string[]) => ended(start(...args))
/** What a command prints with `--json`. */
const json = async (...args: string[]) => {
  const { code, stdout, stderr } = await caucus(...args, '--json')
  expect({ args, code, stderr }).toMatchObject({ code: 0 })
  return JSON.parse(stdout)
}

/** A member over plain HTTP that does as it is told: it renews, and acknowledges what is revoked unless it is to dawdle. */
class HttpMember {
  dawdles = false
  #stopped = false
  #answer: RenewAnswer | undefined
  readonly #url: string
  readonly #said: object
  #sequence = 0

  constructor(group: string, id: string, said: object) {
    this.#url = `${server.url}/v1/groups/${group}/members/${id}`
    this.#said = { bootId: `boot-${id}-${Math.random()}`, ...said }
    members.push(this)
    void this.#run()
  }

  stop(): void {
    this.#stopped = true
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      await this.#renew()
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async #renew(): Promise<void> {
    const last = this.#answer
    const { revoked = [], partitions = [], index, total, epoch = 0 } = last ?? {}
    const body = {
      ...this.#said,
      sequence: ++this.#sequence,
      ...(last !== undefined && { generation: last.generation, incarnation: last.incarnation, order: last.order }),
      holding:
        index !== undefined && total !== undefined
          ? [{ item: index, epoch, of: total }]
          : partitions.map(({ id, epoch }) => ({ item: id, epoch })),
      ...(this.dawdles ? { draining: revoked } : { acknowledged: revoked }),
    }
    const response = await fetch(this.#url, { method: 'PUT', body: JSON.stringify(body) })
    if (response.ok) this.#answer = (await response.json()) as RenewAnswer
    // Evicted, or the server is stopping.
    else this.#stopped = true
  }
}

const settled = (group: string, count: number) =>
  waitFor(`${group} to settle`, async () => {
    const response = await fetch(`${server.url}/v1/groups/${group}`)
    const view = (await response.json()) as { state: string; members: unknown[] }
    return view.state === 'settled' && view.members?.length === count
  })

let number = 0
let group: string
let a: HttpMember
beforeEach(() => {
  for (const member of members.splice(0)) member.stop()
  group = `jobs-${++number}`
})
const partitions = { share: { partitions: 4 } }
const two = async () => {
  a = new HttpMember(group, 'a', partitions)
  new HttpMember(group, 'b', { ...partitions, weight: 3, static: true })
  await settled(group, 2)
}

describe('caucus plan', () => {
  test('says what would move, to people and to scripts, and changes nothing', async () => {
    await two()
    const plan = await json('plan', group, '--leave', 'a')
    expect(Object.keys(plan)).toEqual(['moves', 'minimum'])
    expect(plan.moves).toEqual([{ partition: expect.any(Number), from: 'a', to: 'b' }])
    expect(plan.minimum).toBe(1)
    const { stdout } = await caucus('plan', '--group', group, '--join', 'c:2', 'd', '--weigh', 'b:1')
    expect(stdout).toMatch(
      /^\d partitions? would move; the fewest that fair loads allow: \d\n\nFROM +TO +COUNT +PARTITIONS/,
    )
    expect((await caucus('plan', group)).stdout).toBe('nothing would move\n')
  })

  test('of indexes says who would get another', async () => {
    new HttpMember(group, 'a', {})
    await settled(group, 1)
    expect(await json('plan', group, '--join', 'b')).toEqual({
      renumbered: [{ member: 'b', from: null, to: 2 }],
      total: { from: 1, to: 2 },
    })
    expect((await caucus('plan', group, '--leave', 'a')).stdout).toMatch(/total goes from 1 to 0[\s\S]*a +1 +-/)
  })
})

describe('caucus freeze, thaw, pin and unpin', () => {
  test('hold until they are taken back, and are shown', async () => {
    await two()
    expect(await json('freeze', group)).toEqual({ group, frozen: true })
    const [partition] = (await json('members', group)).find(({ id }: { id: string }) => id === 'b').partitions
    expect(await json('pin', group, '--partition', String(partition), '--member', 'a')).toEqual({
      group,
      partition,
      member: 'a',
      pinned: true,
    })
    expect((await caucus('status')).stdout).toMatch(new RegExp(`${group} .*frozen, 1 pin`))
    expect((await caucus('members', group)).stdout).toMatch(
      new RegExp(`b .* 3 +static[\\s\\S]*${group} is frozen[\\s\\S]*partition ${partition} is pinned to a`),
    )
    const { groups } = await json('status')
    expect(groups.find(({ name }: { name: string }) => name === group)).toMatchObject({
      frozen: true,
      pins: [{ partition, member: 'a' }],
      members: expect.arrayContaining([expect.objectContaining({ id: 'b', weight: 3, static: true })]),
    })
    expect((await caucus('thaw', group)).stdout).toBe(`${group} is thawed: partitions move again\n`)
    await waitFor('the pin to hold', async () => {
      const { sentence } = await json('explain', group, '--partition', String(partition))
      return sentence.startsWith(`Partition ${partition} is with a`) && sentence
    })
    expect(await json('unpin', group, '--partition', String(partition))).toEqual({ group, partition, pinned: false })
    const again = await caucus('unpin', group, '--partition', String(partition))
    expect(again.stderr).toMatch(/is not pinned; `caucus status` lists .* \(CAUCUS_NOT_FOUND\)\n$/)
    expect(again.code).toBe(1)
  })

  test('are told what cannot be', async () => {
    new HttpMember(group, 'a', {})
    await settled(group, 1)
    expect(await caucus('freeze', group)).toMatchObject({ code: 1, stderr: expect.stringContaining('CAUCUS_CONFLICT') })
  })
})

describe('caucus drain', () => {
  test('says what is still there, and ends when that is nothing', async () => {
    await two()
    a.dawdles = true
    const drain = start('drain', group, '--member', 'a')
    await waitFor('it to say what it waits for', () => /a is still finishing \d/.test(drain.stderr()))
    expect(drain.ended()).toBeUndefined()
    a.dawdles = false
    expect(await ended(drain)).toMatchObject({ code: 0, stdout: `a of ${group} has nothing any more\n` })
    const { sentence } = await json('explain', group, '--member', 'a')
    expect(sentence).toMatch(/^a has nothing: an operator has it drained since /)
    expect((await caucus('members', group)).stdout).toMatch(/a +- .*drained/)
    expect(await json('drain', group, '--member', 'a', '--undo')).toEqual({ group, member: 'a', drained: false })
    await waitFor('it to have work again', async () => {
      const [{ partitions: held }] = await json('members', group)
      return held.length > 0
    })
  })

  test('leaves its order in force when it is interrupted, and says so', async () => {
    await two()
    a.dawdles = true
    const drain = start('drain', group, '--member', 'a')
    await waitFor('it to wait', () => drain.stderr().includes('still finishing'))
    expect(await drain.stop('SIGINT')).toBe(130)
    expect(drain.stderr()).toMatch(/the order stays in force, and .*--undo. takes it back/)
    const [member] = (await json('members', group)).filter(({ id }: { id: string }) => id === 'a')
    expect(member.drained).toBe(true)
  })

  test('ends when the process is gone, and fails when somebody takes the order back', async () => {
    await two()
    a.dawdles = true
    const first = start('drain', group, '--member', 'a')
    await waitFor('it to wait', () => first.stderr().includes('still finishing'))
    await json('drain', group, '--member', 'a', '--undo')
    expect(await ended(first)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('somebody took the order back'),
    })
    const second = start('drain', group, '--member', 'a', '--json')
    await waitFor('it to wait', () => second.stderr().includes('still finishing'))
    a.stop()
    const { code, stdout } = await ended(second)
    expect([code, JSON.parse(stdout)]).toEqual([0, { group, member: 'a', drained: true, done: true, gone: true }])
  })

  test('need not wait', async () => {
    await two()
    a.dawdles = true
    expect(await json('drain', group, '--member', 'a', '--no-wait')).toEqual({ group, member: 'a', drained: true })
    expect(await json('drain', group, '--member', 'b', '--undo')).toMatchObject({ drained: false })
  })
})

describe('caucus evict', () => {
  test('removes a member, and says when there is none', async () => {
    await two()
    expect(await json('evict', group, '--member', 'a')).toEqual({ group, member: 'a', evicted: true })
    expect((await json('explain', group, '--member', 'a')).sentence).toMatch(
      /^a is no member any more: an operator removed a/,
    )
    expect(await caucus('evict', group, '--member', 'a')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('CAUCUS_NOT_FOUND'),
    })
  })
})

describe('caucus explain and watch', () => {
  test('tell the past in one sentence and one by one', async () => {
    await two()
    const explained = await json('explain', group)
    expect(Object.keys(explained)).toEqual(['group', 'sentence', 'events', 'forgotten'])
    expect(explained.sentence).toMatch(/^The group settled .* with 2 members/)
    expect(explained.events.at(-1)).toMatchObject({ group, event: { type: 'group.settled', members: 2 } })
    const { stdout } = await caucus('explain', group, '--partition', '0')
    expect(stdout).toMatch(/^Partition 0 is with [ab], .*\.\n\n(\d\d:\d\d:\d\d\.\d{3} \w+\.\w+ .*\n)+$/)
    const watch = start('watch', group, '--last', '2', '--json')
    const lines = () =>
      watch
        .stdout()
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line))
    await waitFor('what was', () => lines().length >= 2)
    expect(
      lines()
        .map(({ event }) => event.type)
        .at(-1),
    ).toBe('group.settled')
    await caucus('freeze', group)
    await waitFor('what comes', () => lines().some(({ event }) => event.type === 'group.frozen'))
    const numbers = lines().map(({ revision }) => Number(revision.split('-')[1]))
    expect(numbers).toEqual(numbers.map((_, i) => (numbers[0] ?? 0) + i))
    expect(await watch.stop()).toBe(0)
  })

  test('of a group that nobody knows say where to look', async () => {
    expect(await caucus('explain', 'nowhere')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('`caucus status` lists the groups'),
    })
  })
})

test('caucus work brings its weight, and keeps its place over a restart', async () => {
  const args = [
    'work',
    '--group',
    group,
    '--partitions',
    '4',
    '--id',
    'w',
    '--weight',
    '3',
    '--static',
    '--',
    'sleep',
    '60',
  ]
  const first = start(...args)
  await settled(group, 1)
  const [member] = await json('members', group)
  expect(member).toMatchObject({ id: 'w', weight: 3, static: true, partitions: [0, 1, 2, 3] })
  await first.stop('SIGTERM')
  expect((await caucus('members', group)).stdout).toMatch(/w +0-3 .*stopped; its place is kept/)
  const { sentence } = await json('explain', group, '--member', 'w')
  expect(sentence).toMatch(/^w has stopped: w left .*; its place \(partitions 0-3\) is kept for it/)
})

test('what operators did stands in the audit log', () => {
  const lines = readFileSync(auditLog, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  const done = new Set(lines.filter(({ outcome }) => outcome === 'done').map(({ action }) => action))
  expect([...done].sort()).toEqual(['drain', 'evict', 'freeze', 'pin', 'thaw', 'undrain', 'unpin'])
})

describe('what only the server can know is wrong', () => {
  test('of a partition that there is not, and of a member that cannot join', async () => {
    await two()
    expect(await caucus('explain', group, '--partition', '4')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('the partitions 0 to 3, and no 4'),
    })
    expect(await caucus('plan', group, '--join', 'a')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('"a" cannot join'),
    })
  })
})

test('a server that asks who one is says what that takes', async () => {
  const tokens = join(folder, 'tokens')
  writeFileSync(
    tokens,
    JSON.stringify([
      { name: 'ops', token: 'token-of-the-operator', role: 'admin' },
      { name: 'reader', token: 'token-of-the-reader', role: 'read' },
    ]),
    { mode: 0o600 },
  )
  const own = join(folder, 'reader')
  writeFileSync(own, 'token-of-the-reader', { mode: 0o600 })
  const closed = await startServer(['--fresh', '--token-file', tokens])
  const frozen = startCaucus(['freeze', 'g', '--server', closed.url, '--token-file', own])
  expect(await ended(frozen)).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/"reader" may not freeze the group "g": .*role admin.* \(CAUCUS_FORBIDDEN\)/),
  })
})
