import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { serve, TIMING } from '../contract/server.ts'
import { repository } from './support/processes.ts'

const run = promisify(execFile)
const TOKEN = 'a-token-of-this-test'

/** What somebody writes who has the generated client and nothing else of ours. Its types are part of the test. */
const PROGRAM = `
import { ask, defaults, getGroup, getHealth, getMember, listGroups, listTopics, removeMember, renewMember, type Share } from './client.js'

defaults.baseUrl = process.argv[2] ?? ''
defaults.headers = { authorization: 'Bearer ${TOKEN}' }
const told: unknown[] = []

const renew = async (sequence: number, last?: Share): Promise<Share> => {
  const holding = (last?.partitions ?? []).map(({ id, epoch }) => ({ item: id, epoch }))
  const session = last && { generation: last.generation, incarnation: last.incarnation, order: last.order }
  const answer = await renewMember('jobs', 'a b/ü', { bootId: 'boot-1', sequence, share: { partitions: 4 }, metadata: { zone: 'x' }, holding, ...session })
  // The status decides what the answer is.
  if (answer.status === 200) return answer.data
  if (answer.status === 409) throw new Error('conflict: ' + answer.data.error.code)
  throw new Error(JSON.stringify(answer))
}

let share = await renew(1)
told.push(['joined', share.state, share.partitions?.length])
for (let sequence = 2; share.state !== 'settled' || share.partitions?.length !== 4; sequence++) share = await renew(sequence, share)
told.push(['renewed', share.state, share.partitions?.length, share.leaseMs])

const group = await getGroup('jobs')
if (group.status === 200) told.push(['viewed', group.data.name, group.data.members.map(({ id, partitions }) => [id, partitions?.length])])
const member = await getMember('jobs', 'a b/ü')
if (member.status === 200) told.push(['member', member.data.metadata])
const groups = await listGroups()
if (groups.status === 200) told.push(['listed', groups.data.groups.length])
const health = await getHealth()
if (health.status === 200) told.push(['healthy', health.data.ok, health.data.guarantees.exclusion])

const topics = await listTopics()
if (topics.status === 200) told.push(['topics', topics.data.topics.map(({ topic }) => topic)])
// Its runtime takes whatever is called "json" for one document, which a single line is.
const asked = await ask('price list', { sku: 7 }, { within: 1_000, until: 'first', id: ['a', 'b'] })
if (asked.status === 200) told.push(['asked', asked.data])
// @ts-expect-error: a limit is a number
const endless = await ask('price list', 1, { within: '1e999' })

// @ts-expect-error: a renewal has a sequence
const lacking = await renewMember('jobs', 'b', { bootId: 'boot-1' })
// @ts-expect-error: there is no such share
const other = await renewMember('jobs', 'b', { bootId: 'boot-1', sequence: 1, share: 'places' })
// @ts-expect-error: nothing may be said that is not described
const unknown = await renewMember('jobs', 'b', { bootId: 'boot-1', sequence: 1, wieght: 2 })
const conflict = await renewMember('jobs', 'b', { bootId: 'boot-1', sequence: 1, share: 'index' })
const missing = await getMember('jobs', 'none')
for (const refused of [endless, lacking, other, unknown, conflict, missing]) {
  if (refused.status === 200) throw new Error('taken: ' + JSON.stringify(refused))
  told.push(['refused', refused.status, refused.data.error.code, refused.data.error.retriable])
}
const stranger = await listGroups({ headers: { authorization: 'Bearer another-token' } })
told.push(['stranger', stranger.status])

const half = await removeMember('jobs', 'a b/ü', { incarnation: share.incarnation })
told.push(['half a leave', half.status])
const left = await removeMember('jobs', 'a b/ü', { incarnation: share.incarnation, bootId: 'boot-1', sequence: 1_000_000 })
told.push(['left', left.status, left.data])
console.log(JSON.stringify(told))
`

let folder = ''
let server: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  server = await serve({ token: TOKEN })
  mkdirSync(join(repository, '.tmp'), { recursive: true })
  // Within the repository, where the packages are that the client needs.
  folder = mkdtempSync(join(repository, '.tmp', 'openapi-'))
})
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await server.close()
})

const node = (...args: readonly string[]) => run(process.execPath, args, { cwd: folder })
const bin = (...path: readonly string[]) => join(repository, 'node_modules', ...path)

describe('a client that is generated from /openapi.json', () => {
  test('has types that fit, and joins, renews, views and leaves; what is wrong is refused as it is described', async () => {
    const answer = await fetch(`${server.url}/openapi.json`, { headers: { authorization: `Bearer ${TOKEN}` } })
    writeFileSync(join(folder, 'openapi.json'), await answer.text())
    await node(bin('oazapfts', 'dist', 'cli.js'), 'openapi.json', 'client.ts')
    writeFileSync(join(folder, 'program.ts'), PROGRAM)
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const compilerOptions = {
      target: 'es2023',
      module: 'nodenext',
      types: ['node'],
      strict: true,
      skipLibCheck: true,
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
    const compiled = await node(bin('typescript', 'bin', 'tsc'), '-p', '.').catch(
      (error) => error as { stdout: string },
    )
    expect(compiled.stdout).toBe('')

    const { stdout } = await node('program.js', server.url)
    expect(JSON.parse(stdout)).toEqual([
      ['joined', 'settling', 0],
      ['renewed', 'settled', 4, TIMING.leaseMs],
      ['viewed', 'jobs', [['a b/ü', 4]]],
      ['member', { zone: 'x' }],
      ['listed', 1],
      ['healthy', true, 'leased'],
      ['topics', []],
      ['asked', expect.objectContaining({ type: 'summary', code: 'CAUCUS_NO_RESPONDERS' })],
      ['refused', 400, 'CAUCUS_INVALID_ARGUMENT', false],
      ['refused', 400, 'CAUCUS_INVALID_ARGUMENT', false],
      ['refused', 400, 'CAUCUS_INVALID_ARGUMENT', false],
      ['refused', 400, 'CAUCUS_INVALID_ARGUMENT', false],
      ['refused', 409, 'CAUCUS_CONFLICT', false],
      ['refused', 404, 'CAUCUS_NOT_FOUND', false],
      ['stranger', 401],
      ['half a leave', 400],
      ['left', 200, { left: true }],
    ])
  })
})
