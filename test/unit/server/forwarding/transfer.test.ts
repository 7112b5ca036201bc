import { Command } from 'commander'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { COMMANDS } from '../../../../src/cli/commands.ts'
import type { AccessRule } from '../../../../src/config/access.ts'
import { CaucusError } from '../../../../src/errors.ts'
import { Access } from '../../../../src/server/access/access.ts'
import { TestServer } from '../harness.ts'
import { addressed, TestCluster } from './peers.ts'

const TRANSFER = '/v1/leader/transfer'
const rule = (name: string, grant: AccessRule['grant']): AccessRule => ({
  name,
  credential: { type: 'token', token: `token-of-${name}` },
  grant,
})
const withTokens = () =>
  TestCluster.start((id) => ({
    access: new Access([
      rule('a', { role: 'admin', groups: ['cluster/*'], members: ['{identity}'] }),
      rule('b', { role: 'admin', groups: ['cluster/*'], members: ['{identity}'] }),
      rule('ops', { role: 'admin' }),
      rule('jobs-ops', { role: 'admin', groups: ['jobs-*'] }),
      rule('member', { role: 'member' }),
    ]),
    credentials: { token: `token-of-${id}`, tls: undefined },
  }))
const token = (name: string) => ({ token: `token-of-${name}` })

describe('handing leadership over', () => {
  test('is done by the peer that leads, whichever was asked, and answered with who leads then', async () => {
    await using cluster = await TestCluster.start()
    const { leader, follower } = cluster
    const named = await follower.ask('POST', TRANSFER, { body: '{"to":"b"}' })
    expect(named).toMatchObject({ status: 200, json: { identifier: 'b', term: 2, token: 2 } })
    expect((await leader.ask('POST', TRANSFER)).status).toBe(200)
    expect((await leader.ask('POST', TRANSFER, { body: '{}' })).status).toBe(200)
    expect([leader.peers.transferred, follower.peers.transferred]).toEqual([['b', undefined, undefined], []])
    expect(leader.audited).toContainEqual(
      expect.objectContaining({ action: 'transfer', identity: 'anybody', member: 'b', outcome: 'done' }),
    )
  })

  test('to the one that leads already is done', async () => {
    await using cluster = await TestCluster.start()
    const { status, json } = await cluster.follower.ask('POST', TRANSFER, { body: '{"to":"a"}' })
    expect([status, json.identifier, cluster.leader.peers.transferred]).toEqual([200, 'a', []])
  })

  test('takes an admin of the voters, who covers the one that leads', async () => {
    await using cluster = await withTokens()
    const { leader, follower } = cluster
    for (const who of ['jobs-ops', 'member', 'b']) {
      const { status, error } = await follower.ask('POST', TRANSFER, token(who))
      expect([who, status, error?.code]).toEqual([who, 403, 'CAUCUS_FORBIDDEN'])
    }
    expect((await follower.ask('POST', TRANSFER)).status).toBe(401)
    expect(leader.peers.transferred).toEqual([])
    expect((await follower.ask('POST', TRANSFER, token('ops'))).status).toBe(200)
    expect((await leader.ask('POST', TRANSFER, token('a'))).status).toBe(200)
    expect(leader.audited).toContainEqual(
      expect.objectContaining({
        action: 'transfer',
        identity: 'ops',
        via: 'token',
        outcome: 'done',
        through: '127.0.0.1',
      }),
    )
  })

  test('that does not come about says why, and is noted', async () => {
    await using cluster = await TestCluster.start()
    const { leader } = cluster
    const missing = await leader.ask('POST', TRANSFER, { body: '{"to":"z"}' })
    expect([missing.status, missing.error?.code]).toEqual([404, 'CAUCUS_NOT_FOUND'])
    leader.peers.transfer = () => Promise.reject(new CaucusError('CAUCUS_TIMEOUT', 'nobody else leads yet'))
    const late = await leader.ask('POST', TRANSFER)
    expect([late.status, late.error?.code, late.error?.definite]).toEqual([504, 'CAUCUS_TIMEOUT', false])
    expect(leader.audited.slice(-2)).toMatchObject([
      { action: 'transfer', member: 'z', outcome: 'failed', code: 'CAUCUS_NOT_FOUND' },
      { action: 'transfer', outcome: 'failed', code: 'CAUCUS_TIMEOUT' },
    ])
  })

  test.each(['{"to":""}', '{"to":1}', '{"to":"a","now":true}', '[]', 'null', '"b"', '{'])(
    'is refused as %s',
    async (body) => {
      await using cluster = await TestCluster.start()
      const { status, error } = await cluster.follower.ask('POST', TRANSFER, { body })
      expect([status, error?.code]).toEqual([400, 'CAUCUS_INVALID_ARGUMENT'])
      expect(cluster.leader.peers.transferred).toEqual([])
    },
  )
})

describe('on the command line', () => {
  afterEach(() => vi.restoreAllMocks())

  /** Runs a command. Gives what it says, or throws what it fails with. */
  const run = async (name: string, ...args: string[]): Promise<string> => {
    let text = ''
    vi.spyOn(process.stdout, 'write').mockImplementation((part) => {
      text += String(part)
      return true
    })
    const command = new Command(name).exitOverride()
    const { define } = await (COMMANDS[name] ?? expect.fail(name)).load()
    const ended: number[] = []
    define(command, async (action) => void ended.push(await action()))
    await command.parseAsync(args, { from: 'user' })
    expect(ended).toEqual([0])
    return text
  }

  test('leadership is handed over by any peer of the list that is there', async () => {
    await using cluster = await TestCluster.start(undefined, ['a', 'b', 'c'])
    await cluster.of('c').close()
    const servers = ['--server', `${cluster.of('c').url},${cluster.follower.url}`]
    expect(await run('transfer', 'b', ...servers)).toBe('b on 127.0.0.1:1 leads now, term 2\n')
    expect(JSON.parse(await run('transfer', '--json', ...servers))).toEqual({
      identifier: 'b',
      host: '127.0.0.1',
      port: 1,
      metadata: {},
      term: 2,
      token: 2,
    })
    await expect(run('transfer', 'z', ...servers)).rejects.toMatchObject({ message: 'no such voter' })
    expect(await run('status', ...servers)).toContain('leader: a on 127.0.0.1:1, term 1\n')
    expect(JSON.parse(await run('status', '--json', ...servers)).leader).toMatchObject({ identifier: 'a', term: 1 })
    expect(JSON.parse(await run('leader', '--json', ...servers))).toEqual({
      ...addressed('a', cluster.leader.port),
      term: 1,
      token: 1,
      leaseMsLeft: 100,
    })
  })

  test('a server that runs by itself says that it is no cluster of peers', async () => {
    await using server = await TestServer.start()
    for (const name of ['leader', 'transfer']) {
      await expect(run(name, '--server', server.url)).rejects.toMatchObject({
        code: 'CAUCUS_NOT_FOUND',
        message: expect.stringContaining('no cluster of peers'),
      })
    }
    expect(JSON.parse(await run('status', '--json', '--server', server.url))).not.toHaveProperty('leader')
    expect((await server.ask('GET', '/readyz')).json).toEqual({ ok: true })
  })
})
