import { execFileSync } from 'node:child_process'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { run } from '../../../src/cli/main.ts'
import { forShell } from '../../../src/cli/shell.ts'
import type { GroupView, MemberView } from '../../../src/core/group/view.ts'

let out = ''
let said = ''
beforeEach(() => {
  out = ''
  said = ''
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text)
    return true
  })
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    said += String(text)
    return true
  })
})
afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

/** A server that answers each path with this. */
const serving = (answers: Readonly<Record<string, unknown>>): void => {
  const answer = async (url: string) => Response.json(answers[new URL(url).pathname])
  vi.stubGlobal('fetch', answer)
}
const member = (id: string, more: Partial<MemberView> = {}): MemberView => ({
  id,
  incarnation: 1,
  epoch: 1,
  metadata: null,
  ...more,
})
const group = (members: readonly MemberView[], share: GroupView['share']): GroupView => ({
  name: 'g',
  state: 'settled',
  epoch: 1,
  total: members.length,
  share,
  members,
})

describe('a plan in which nobody is left says so', () => {
  test('of partitions', async () => {
    serving({ '/v1/groups/g': group([member('a', { partitions: [0, 1] })], { partitions: 2 }) })
    expect(await run(['plan', 'g', '--leave', 'a'])).toBe(0)
    expect(out).toMatch(/^nobody would be left who is given anything: 2 partitions would lose their owner/)
    expect(out).toMatch(/a +\(nobody\) +2 +0-1/)
  })

  test('of indexes', async () => {
    serving({ '/v1/groups/g': group([member('a', { index: 1 })], 'index') })
    expect(await run(['plan', 'g', '--leave', 'a'])).toBe(0)
    expect(out).toMatch(/^the total goes from 1 to 0; nobody would be left\n/)
  })
})

describe('what others chose as a name', () => {
  test('stands in quotes where it could be taken for words, and does not turn the line around', async () => {
    serving({ '/v1/groups/g/pins/3': { pinned: true } })
    expect(await run(['pin', 'g', '--partition', '3', '--member', 'b \u202e.evil'])).toBe(0)
    expect(out).toBe('partition 3 of g is pinned to "b \\u202e.evil"\n')
  })

  test('reaches the terminal without its escape sequences when it is wrong', async () => {
    expect(await run(['watch', 'g', '--last', '\u001b[31mred\u2066'])).toBe(2)
    expect(said).toContain('\\u001b[31mred\\u2066')
    expect(await run(['freeze', '\u001b]0;title\u0007'])).toBe(2)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/)
  })

  test.each(['web-3', 'a b', "it's; rm -rf $HOME", '*', '~', '--undo', 'é'])('is one word of a command: %s', (word) => {
    expect(execFileSync('sh', ['-c', `printf %s ${forShell(word)}`], { encoding: 'utf8' })).toBe(word)
  })
})

describe('a server that answers something else is no caucus server:', () => {
  test.each([
    ['freeze', '/v1/groups/g/freeze', null],
    ['explain', '/v1/groups/g/history', { events: 3 }],
    ['explain', '/v1/groups/g/history', { events: [], view: {} }],
    ['plan', '/v1/groups/g', []],
  ])('caucus %s, %s, %j', async (command, path, answer) => {
    serving({ [path]: answer })
    expect(await run([command, 'g'])).toBe(1)
    expect(said).toMatch(/did not answer as a caucus server does \(CAUCUS_PROTOCOL\)\n$/)
  })

  test('caucus drain', async () => {
    serving({ '/v1/groups/g/members/a/drain': { drained: true }, '/v1/groups/g/members/a': [] })
    expect(await run(['drain', 'g', '--member', 'a'])).toBe(1)
    expect(said).toContain('CAUCUS_PROTOCOL')
  })
})

test('caucus drain that is interrupted before the server has answered says that the order may be in force, and how to take it back', async () => {
  const fetching = (_url: string, { signal }: RequestInit) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason))
      process.emit('SIGINT')
    })
  vi.stubGlobal('fetch', fetching)
  expect(await run(['drain', 'g', '--member', 'b 1', '--json'])).toBe(130)
  expect(said).toMatch(/the order may be in force already, and `caucus drain --group g --member 'b 1' --undo` takes it/)
  expect(JSON.parse(out)).toEqual({ group: 'g', member: 'b 1', drained: false, done: false, gone: false })
})
