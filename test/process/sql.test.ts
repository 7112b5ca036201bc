import { fenced, fencedUpdate, fenceTable, raiseFence } from 'caucus/sql'
import { Client, Pool } from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { POSTGRES, type PostgresServer, startPostgres } from '../../src/testing/servers/postgres.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

const TABLES = `CREATE TABLE journal (id serial, token bigint, entry text UNIQUE DEFERRABLE INITIALLY DEFERRED);
  CREATE TABLE accounts (id int PRIMARY KEY, owner text, balance int, token bigint)`

describe.skipIf(lackFor('fences on a real PostgreSQL', [POSTGRES]))('on a real PostgreSQL', () => {
  let postgres: PostgresServer
  let older: Client
  let newer: Client
  /** Looks at what there is. */
  let observer: Client
  const clients: Client[] = []
  const connected = async (): Promise<Client> => {
    const client = new Client({ connectionString: postgres.url })
    await client.connect()
    clients.push(client)
    return client
  }
  beforeAll(async () => {
    postgres = await startPostgres()
  })
  afterAll(() => postgres?.close())
  beforeEach(async () => {
    ;[older, newer, observer] = [await connected(), await connected(), await connected()]
    await observer.query(`DROP TABLE IF EXISTS caucus_fence, journal, accounts; ${fenceTable()}; ${TABLES}`)
  })
  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.end()))
  })

  const write = (client: Client, token: number, entry: string, options = {}) =>
    fenced(client, { name: 'jobs', token, ...options }, (tx) =>
      tx.query('INSERT INTO journal (token, entry) VALUES ($1, $2)', [token, entry]),
    )
  const journal = async () =>
    (await observer.query('SELECT entry FROM journal ORDER BY id')).rows.map(({ entry }) => entry)
  const fenceOf = async (name: string) =>
    (await observer.query('SELECT token FROM caucus_fence WHERE name = $1', [name])).rows[0]?.token
  const pidOf = async (client: Client): Promise<number> =>
    (await client.query('SELECT pg_backend_pid() AS pid')).rows[0].pid
  const untilWaiting = (pid: number) =>
    waitFor('it to wait for the lock', async () => {
      const waiting = "SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event_type = 'Lock'"
      return (await observer.query(waiting, [pid])).rowCount === 1
    })
  const outcomeOf = (writing: Promise<unknown>) => writing.then(() => 'written' as const).catch((error) => error)

  describe('a fence', () => {
    test('lets the same token write as often as it likes, and a lower one never again', async () => {
      await write(older, 7, 'a')
      await write(older, 7, 'b')
      await write(newer, 9, 'c')
      await expect(write(older, 7, 'd')).rejects.toMatchObject({
        code: 'CAUCUS_FENCED',
        message: '"jobs": token 7 is older than 9; stop writing',
      })
      // The client is as good as before, and what it writes elsewhere is another matter.
      await write(older, 7, 'of something else', { name: 'others' })
      expect(await journal()).toEqual(['a', 'b', 'c', 'of something else'])
    })

    test('is exact up to the last safe integer, under whatever name', async () => {
      const name = `it's "odd"; DROP TABLE journal --\n日本`
      const most = Number.MAX_SAFE_INTEGER
      await write(older, most, 'a', { name })
      expect(await fenceOf(name)).toBe(String(most))
      await expect(write(newer, most - 1, 'b', { name })).rejects.toMatchObject({
        code: 'CAUCUS_FENCED',
        details: { name, token: most - 1, newest: most },
      })
      await observer.query('UPDATE caucus_fence SET token = 9007199254740993')
      await expect(write(newer, most, 'b', { name })).rejects.toThrow('is older than 9007199254740993')
    })

    test('lies in another table of another schema, whatever they are called', async () => {
      const place = { schema: 'it"s.', table: 'Fence "of" us; --' }
      await observer.query('CREATE SCHEMA "it""s."')
      await observer.query(fenceTable(place))
      await observer.query(fenceTable(place))
      await write(older, 9, 'a', place)
      await expect(write(newer, 7, 'b', place)).rejects.toMatchObject({ code: 'CAUCUS_FENCED' })
      await expect(write(newer, 7, 'b', { table: 'nowhere' })).rejects.toMatchObject({ code: 'CAUCUS_NOT_FOUND' })
      expect(await journal()).toEqual(['a'])
    })
  })

  describe('of two at once', () => {
    test.each(['read committed', 'repeatable read', 'serializable'] as const)(
      'the newer one waits for the older one that has checked and not committed, and sees what it wrote (%s)',
      async (isolation) => {
        await write(older, 5, 'before')
        const pid = await pidOf(newer)
        let seen: unknown[] = []
        let outcome: Promise<unknown> = Promise.resolve()
        await fenced(older, { name: 'jobs', token: 7, isolation }, async (tx) => {
          const writing = fenced(newer, { name: 'jobs', token: 9, isolation }, async (its) => {
            seen = (await its.query('SELECT entry FROM journal ORDER BY id')).rows.map(({ entry }) => entry)
            await its.query("INSERT INTO journal (token, entry) VALUES (9, 'newer')")
          })
          outcome = outcomeOf(writing)
          await untilWaiting(pid)
          await tx.query("INSERT INTO journal (token, entry) VALUES (7, 'older')")
        })
        if (isolation === 'read committed') {
          expect(await outcome).toBe('written')
          expect(seen).toEqual(['before', 'older'])
          expect(await journal()).toEqual(['before', 'older', 'newer'])
        } else {
          // Its snapshot is from before: all of it has to begin anew, and nothing of it is there.
          expect(await outcome).toMatchObject({ code: '40001' })
          expect(await journal()).toEqual(['before', 'older'])
          await write(newer, 9, 'newer', { isolation })
        }
        await expect(write(older, 7, 'late')).rejects.toMatchObject({ code: 'CAUCUS_FENCED' })
      },
    )

    test('the older one that waits for the newer one is fenced once that has committed, and writes if it has not', async () => {
      const pid = await pidOf(older)
      let outcome: Promise<unknown> = Promise.resolve()
      const whileHeld = (end: () => void) =>
        fenced(newer, { name: 'jobs', token: 9 }, async () => {
          outcome = outcomeOf(write(older, 7, 'older'))
          await untilWaiting(pid)
          end()
        })
      await whileHeld(() => undefined)
      expect(await outcome).toMatchObject({ code: 'CAUCUS_FENCED' })
      await observer.query('TRUNCATE caucus_fence')
      const changedItsMind = new Error('changed its mind')
      const rolledBack = whileHeld(() => {
        throw changedItsMind
      })
      await expect(rolledBack).rejects.toBe(changedItsMind)
      expect(await outcome).toBe('written')
      expect(await fenceOf('jobs')).toBe('7')
    })

    test('the newer one gives up waiting after its limit, and has written nothing', async () => {
      await fenced(older, { name: 'jobs', token: 7 }, async (tx) => {
        await expect(write(newer, 9, 'newer', { lockMs: 50 })).rejects.toMatchObject({
          code: 'CAUCUS_UNAVAILABLE',
          retriable: true,
          definite: true,
        })
        await tx.query("INSERT INTO journal (token, entry) VALUES (7, 'older')")
      })
      expect(await journal()).toEqual(['older'])
      // The limits were those of the transaction.
      expect((await newer.query('SHOW lock_timeout')).rows).toEqual([{ lock_timeout: '0' }])
    })

    test('writers with tokens in any order leave a journal in which they only rise', async () => {
      const writers = await Promise.all(Array.from({ length: 8 }, connected))
      const outcomes = await Promise.all(
        writers.map(async (client, n) => {
          const own: string[] = []
          for (let i = 0; i < 20; i++) {
            // Older than some and newer than others, at any moment.
            const outcome = await outcomeOf(write(client, 1 + 2 * i + ((n * 5) % 8), `${n}.${i}`))
            own.push(outcome === 'written' ? outcome : outcome.code)
          }
          return own
        }),
      )
      const { rows } = await observer.query('SELECT token::int FROM journal ORDER BY id')
      const tokens = rows.map(({ token }) => token)
      expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
      expect(new Set(outcomes.flat())).toEqual(new Set(['written', 'CAUCUS_FENCED']))
      expect(tokens).toHaveLength(outcomes.flat().filter((each) => each === 'written').length)
    })
  })

  describe('nothing is written', () => {
    test('when the work throws; the fence is as it was, too', async () => {
      const broken = new Error('the work is broken')
      const work = async (tx: Pick<Client, 'query'>) => {
        await tx.query("INSERT INTO journal (entry) VALUES ('a')")
        throw broken
      }
      await expect(fenced(older, { name: 'jobs', token: 9 }, work)).rejects.toBe(broken)
      expect(await journal()).toEqual([])
      await write(newer, 7, 'b')
      expect(await fenceOf('jobs')).toBe('7')
    })

    test('when a statement failed and the work went on', async () => {
      const careless = fenced(older, { name: 'jobs', token: 7 }, async (tx) => {
        await tx.query("INSERT INTO journal (entry) VALUES ('a')")
        await tx.query('SELECT 1 / 0').catch(() => undefined)
      })
      await expect(careless).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT', cause: { code: '22012' } })
      // And where the client does not know how its transaction is.
      const plain = { query: (text: string, values?: unknown[]) => older.query(text, values) }
      const again = fenced(plain, { name: 'jobs', token: 7 }, async (tx) => {
        await tx.query('SELECT 1 / 0').catch(() => undefined)
      })
      await expect(again).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT', cause: { code: '22012' } })
      await fenced(plain, { name: 'jobs', token: 7 }, async (tx) => {
        await tx.query('SAVEPOINT here')
        await tx.query('SELECT 1 / 0').catch(() => undefined)
        await tx.query('ROLLBACK TO here')
        await tx.query("INSERT INTO journal (entry) VALUES ('after the savepoint')")
      })
      expect(await journal()).toEqual(['after the savepoint'])
    })

    test('when the COMMIT is refused', async () => {
      await write(older, 7, 'a')
      await expect(write(older, 7, 'a')).rejects.toMatchObject({ code: '23505' })
      await write(older, 7, 'b')
      expect(await journal()).toEqual(['a', 'b'])
    })

    test('when the statement takes too long', async () => {
      await older.query('SET statement_timeout = 50')
      const slow = fenced(older, { name: 'jobs', token: 7 }, (tx) => tx.query('SELECT pg_sleep(60)'))
      await expect(slow).rejects.toMatchObject({ code: '57014' })
      await write(older, 7, 'a')
    })

    test('when the server ends a transaction that does nothing; the process that had it lives on', async () => {
      const pid = await pidOf(older)
      const frozen = fenced(older, { name: 'jobs', token: 7, idleMs: 50 }, async (tx) => {
        await tx.query("INSERT INTO journal (entry) VALUES ('older')")
        // Meanwhile somebody newer gets on with it.
        await write(newer, 9, 'newer')
        await waitFor('the connection to be gone', async () => {
          return (await observer.query('SELECT FROM pg_stat_activity WHERE pid = $1', [pid])).rowCount === 0
        })
        await tx.query("INSERT INTO journal (entry) VALUES ('older, awake')")
      })
      await expect(frozen).rejects.toBeInstanceOf(Error)
      expect(await journal()).toEqual(['newer'])
      clients.splice(clients.indexOf(older), 1)
    })
  })

  describe('in a transaction', () => {
    test('that has begun, fenced() begins none, and leaves that one to whom it belongs', async () => {
      const plain = { query: (text: string, values?: unknown[]) => older.query(text, values) }
      await older.query('BEGIN')
      await older.query("INSERT INTO journal (entry) VALUES ('mine')")
      await expect(write(older, 7, 'a')).rejects.toThrow('raiseFence()')
      await older.query('COMMIT')
      await older.query('BEGIN')
      await older.query("INSERT INTO journal (entry) VALUES ('lost')")
      // Without the status of the client it is the server that refuses, and what has begun there cannot go on.
      await expect(fenced(plain, { name: 'jobs', token: 7 }, () => undefined)).rejects.toThrow('raiseFence()')
      await older.query('COMMIT')
      expect(await journal()).toEqual(['mine'])
      expect(await fenceOf('jobs')).toBeUndefined()
    })

    test.each(['COMMIT; BEGIN', 'ROLLBACK; BEGIN', 'COMMIT AND CHAIN', 'COMMIT'])(
      'that its work ends among other statements (%s), fenced() does not call it fenced',
      async (ends) => {
        const text = `SELECT 1; ${ends}; INSERT INTO journal (entry) VALUES ('torn')`
        const error = await outcomeOf(fenced(older, { name: 'jobs', token: 1 }, (tx) => tx.query(text)))
        expect(error).toMatchObject({ code: 'CAUCUS_BACKEND', definite: false })
      },
    )

    test('of one’s own, a fence is raised first', async () => {
      for (const [client, token] of [
        [newer, 9],
        [older, 7],
      ] as const) {
        await client.query('BEGIN')
        const raised = await outcomeOf(raiseFence(client, { name: 'jobs', token }))
        if (token === 9) expect(raised).toBe('written')
        else expect(raised).toMatchObject({ code: 'CAUCUS_FENCED' })
        await client.query(token === 9 ? 'COMMIT' : 'ROLLBACK')
      }
      await expect(raiseFence(newer, { name: 'jobs', token: 9 })).rejects.toThrow(
        'the first statement of a transaction',
      )
      expect(await fenceOf('jobs')).toBe('9')
    })

    test('several fences are raised, and all of them hold', async () => {
      const both = (client: Client, token: number) =>
        fenced(client, { name: 'a', token }, async (tx) => {
          await raiseFence(tx, { name: 'b', token })
          await tx.query('INSERT INTO journal (token) VALUES ($1)', [token])
        })
      await both(older, 7)
      await write(newer, 9, 'newer', { name: 'b' })
      await expect(both(older, 7)).rejects.toMatchObject({ code: 'CAUCUS_FENCED', details: { name: 'b' } })
      expect(await journal()).toEqual([null, 'newer'])
    })
  })

  test('a pool is refused, by itself or in disguise; one of its clients is as good as any', async () => {
    const pool = new Pool({ connectionString: postgres.url })
    try {
      await expect(fenced(pool, { name: 'jobs', token: 7 }, () => undefined)).rejects.toThrow('pool.connect()')
      let turn = 0
      const disguised = {
        query: (text: string, values?: unknown[]) => (turn++ % 2 ? older : newer).query(text, values),
      }
      await expect(fenced(disguised, { name: 'jobs', token: 7 }, () => undefined)).rejects.toThrow('one connection')
      expect(await fenceOf('jobs')).toBeUndefined()
      await newer.query('ROLLBACK')
      const client = await pool.connect()
      await fenced(client, { name: 'jobs', token: 7 }, (tx) => tx.query("INSERT INTO journal (entry) VALUES ('a')"))
      client.release()
      expect(await journal()).toEqual(['a'])
    } finally {
      await pool.end()
    }
  })

  describe('a guarded update', () => {
    const of = (token: number, balance: number, where: object = { id: 1 }) => ({
      ...{ token, table: 'accounts', set: { balance }, where: where as Record<string, unknown> },
    })
    const accounts = async () => (await observer.query('SELECT balance, token::int FROM accounts ORDER BY id')).rows
    beforeEach(() => observer.query("INSERT INTO accounts VALUES (1, 'a', 0, NULL), (2, 'a', 0, 5)"))

    test('raises the token of its row with what it writes', async () => {
      expect(await fencedUpdate(older, of(7, 10))).toBe(1)
      expect(await fencedUpdate(newer, of(9, 20))).toBe(1)
      await expect(fencedUpdate(older, of(7, 30))).rejects.toMatchObject({
        code: 'CAUCUS_FENCED',
        message: '"accounts": token 7 is older than 9; stop writing',
      })
      expect(await fencedUpdate(older, of(7, 30, { id: 4 }))).toBe(0)
      expect(await accounts()).toEqual([
        { balance: 20, token: 9 },
        { balance: 0, token: 5 },
      ])
    })

    test('of several rows is of all or of none', async () => {
      const all = { owner: 'a' }
      await expect(fencedUpdate(older, of(4, 10, all))).rejects.toMatchObject({ details: { token: 4, newest: 5 } })
      expect(await accounts()).toEqual([
        { balance: 0, token: null },
        { balance: 0, token: 5 },
      ])
      expect(await fencedUpdate(older, of(5, 10, all))).toBe(2)
    })

    test('waits for whoever writes the row just then, and looks at what that one left', async () => {
      const pid = await pidOf(older)
      await newer.query('BEGIN')
      await fencedUpdate(newer, of(9, 20))
      const outcome = outcomeOf(fencedUpdate(older, of(7, 30)))
      await untilWaiting(pid)
      await newer.query('COMMIT')
      expect(await outcome).toMatchObject({ code: 'CAUCUS_FENCED' })
      expect((await accounts())[0]).toEqual({ balance: 20, token: 9 })
    })

    test('raises the token alone, by a pool too', async () => {
      const pool = new Pool({ connectionString: postgres.url })
      await fencedUpdate(pool, { token: 9, table: 'accounts', schema: 'public', column: 'token', where: { id: 1 } })
      await pool.end()
      expect((await accounts())[0]).toEqual({ balance: 0, token: 9 })
    })
  })
})
