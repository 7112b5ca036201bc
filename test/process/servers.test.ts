import { Client } from 'pg'
import { describe, expect, test } from 'vitest'
import { makeCertificates, OPENSSL } from '../../src/testing/servers/certificates.ts'
import { ETCD, startEtcd } from '../../src/testing/servers/etcd.ts'
import { NATS, startNats } from '../../src/testing/servers/nats.ts'
import { POSTGRES, startPostgres } from '../../src/testing/servers/postgres.ts'
import { lackFor } from './support/needs.ts'

describe.skipIf(lackFor('starting etcd', [ETCD]))('etcd for tests', () => {
  test('one node keeps its data over kill -9', async () => {
    await using etcd = await startEtcd()
    await etcd.ask('/v3/kv/put', { key: 'YQ==', value: 'Yg==' })
    const [node] = etcd.nodes
    await node?.kill()
    expect(node?.running).toBe(false)
    await node?.restart()
    const { kvs } = await etcd.ask('/v3/kv/range', { key: 'YQ==' })
    expect(kvs).toMatchObject([{ value: 'Yg==' }])
    await etcd.compact()
  })

  test('of three nodes two choose another leader when theirs is frozen', async () => {
    await using etcd = await startEtcd({ nodes: 3 })
    const leader = await etcd.leader()
    leader.freeze()
    const others = etcd.nodes.filter((node) => node !== leader)
    await expect
      .poll(
        async () => {
          const status = await etcd.ask('/v3/maintenance/status', {}, others[0])
          const members = await etcd.ask('/v3/cluster/member/list', {}, others[0])
          const list = members.members as { ID: string; name: string }[]
          return others.some((node) => list.find(({ name }) => name === node.name)?.ID === status.leader)
        },
        { timeout: 30_000 },
      )
      .toBe(true)
    leader.thaw()
  })

  test.skipIf(lackFor('etcd with TLS', [OPENSSL]))('speaks TLS', async () => {
    const tls = makeCertificates()
    try {
      await using etcd = await startEtcd({ tls, clientCertificates: true })
      expect(etcd.urls[0]).toMatch(/^https:/)
    } finally {
      tls.remove()
    }
  })
})

test.skipIf(lackFor('starting nats-server', [NATS]))('nats-server comes back on its port', async () => {
  await using nats = await startNats({ config: 'authorization { token: "secret" }' })
  const { pid } = nats
  await nats.restart()
  expect(nats.pid).not.toBe(pid)
})

test.skipIf(lackFor('starting PostgreSQL', [POSTGRES]))(
  'PostgreSQL keeps what was committed over a crash',
  async () => {
    await using postgres = await startPostgres()
    const ask = async (query: string) => {
      const client = new Client({ connectionString: postgres.url })
      await client.connect()
      try {
        return (await client.query(query)).rows
      } finally {
        await client.end()
      }
    }
    await ask('create table kept (number int)')
    await ask('insert into kept values (7)')
    postgres.freeze()
    await postgres.restart()
    expect(await ask('select number from kept')).toEqual([{ number: 7 }])
  },
)
