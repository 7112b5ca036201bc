import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { fenced, fencedUpdate, fenceTable, raiseFence, type SqlClient, type SqlResult } from '../../../src/sql.ts'

type Answers = (text: string, values: readonly unknown[]) => Partial<SqlResult> | Error | undefined

/** A client that writes down what it is asked, and answers as told; every fence is free unless it is told otherwise. */
class FakeClient implements SqlClient {
  readonly asked: string[] = []
  readonly values: unknown[][] = []

  constructor(readonly answers: Answers = () => undefined) {}

  async query(text: string, values: unknown[] = []): Promise<SqlResult> {
    this.asked.push(text)
    this.values.push(values)
    const answer = this.answers(text, values)
    if (answer instanceof Error) throw answer
    return { rows: text.includes('RETURNING') ? [{ token: '7' }] : [], rowCount: 0, ...answer }
  }

  get verbs(): string[] {
    return this.asked.map((text) => text.split(/[ (]/)[0] ?? '')
  }
}

const sqlError = (code: string, message = 'it says no') => Object.assign(new Error(message), { code })
const FENCE = { name: 'scheduler', token: 7 }

describe('a fenced transaction', () => {
  test('raises the fence before anything else, and commits what the work wrote', async () => {
    const client = new FakeClient()
    const result = await fenced(client, FENCE, async (tx) => {
      await tx.query('INSERT INTO t VALUES ($1)', [1])
      return 'done'
    })
    expect(result).toBe('done')
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'INSERT', 'COMMIT'])
    expect(client.values[1]).toEqual(['scheduler', 7, '15000', '10000'])
  })

  test('is over before its work begins when somebody newer was here', async () => {
    const client = new FakeClient((text) => {
      if (text.startsWith('WITH')) return { rows: [] }
      return text.startsWith('SELECT') ? { rows: [{ newest: '9', is_ours: true }] } : undefined
    })
    const work = () => expect.fail('it is fenced')
    await expect(fenced(client, FENCE, work)).rejects.toMatchObject({
      code: 'CAUCUS_FENCED',
      message: '"scheduler": token 7 is older than 9; stop writing',
      details: { name: 'scheduler', token: 7, newest: 9 },
      retriable: false,
      definite: true,
    })
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'SELECT', 'ROLLBACK'])
  })

  test('is refused by a client that gives its statements to several connections', async () => {
    const client = new FakeClient((text) => {
      if (text.startsWith('WITH')) return { rows: [] }
      return text.startsWith('SELECT') ? { rows: [{ newest: null, is_ours: false }] } : undefined
    })
    await expect(fenced(client, FENCE, () => undefined)).rejects.toThrow('keeps to one connection')
  })

  test('is rolled back with the error of its work, also where that cannot be said any more', async () => {
    const broken = new Error('the work is broken')
    const client = new FakeClient((text) => (text === 'ROLLBACK' ? new Error('no connection') : undefined))
    const work = () => {
      throw broken
    }
    await expect(fenced(client, FENCE, work)).rejects.toBe(broken)
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'ROLLBACK'])
  })

  test.each([
    ['57P01', 'CAUCUS_CONNECTION_LOST', false],
    ['08006', 'CAUCUS_CONNECTION_LOST', false],
    ['40003', 'CAUCUS_CONNECTION_LOST', false],
    ['ECONNRESET', 'CAUCUS_CONNECTION_LOST', false],
    [undefined, 'CAUCUS_CONNECTION_LOST', false],
  ])('of whose COMMIT nobody knows (%s) says so', async (state, code, definite) => {
    const cause = Object.assign(new Error('gone'), { code: state })
    const client = new FakeClient((text) => (text === 'COMMIT' ? cause : undefined))
    await expect(fenced(client, FENCE, () => undefined)).rejects.toMatchObject({ code, definite, cause })
  })

  test.each(['40001', '23505'])('whose COMMIT is refused (%s) passes on what the database says', async (state) => {
    const refused = sqlError(state)
    const client = new FakeClient((text) => (text === 'COMMIT' ? refused : undefined))
    await expect(fenced(client, FENCE, () => undefined)).rejects.toBe(refused)
  })

  test('that failed under its work is not taken for committed', async () => {
    const failure = sqlError('23505')
    const careless = (answers: Answers) =>
      fenced(new FakeClient(answers), FENCE, async (tx) => {
        await tx.query('INSERT').catch(() => undefined)
      })
    const wrong = { code: 'CAUCUS_CONFLICT', definite: true, cause: failure }
    const failing: Answers = (text) => (text === 'INSERT' ? failure : undefined)
    // By what the server did, and by what it takes no more.
    const silent: Answers = (text, values) => (text === 'COMMIT' ? { command: 'ROLLBACK' } : failing(text, values))
    await expect(careless(silent)).rejects.toMatchObject(wrong)
    const aborted = sqlError('25P02')
    const mute: Answers = (text, values) => (text === 'SELECT 1' ? aborted : failing(text, values))
    await expect(careless(mute)).rejects.toMatchObject(wrong)
    // The work went back to a savepoint: nothing is wrong with that.
    await careless(failing)
  })

  test('waits for statements that its work did not await, and is not taken for committed when one fails', async () => {
    const failure = sqlError('23505')
    const client = new FakeClient((text) => (text === 'SELECT 1' ? sqlError('25P02') : undefined))
    const slow: SqlClient = {
      query: async (text, values) => {
        const result = await client.query(text, values)
        if (text !== 'INSERT') return result
        await new Promise((resume) => setImmediate(resume))
        throw failure
      },
    }
    const work = (tx: Pick<SqlClient, 'query'>) => void tx.query('INSERT').catch(() => undefined)
    await expect(fenced(slow, FENCE, work)).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT', cause: failure })
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'INSERT', 'SELECT', 'ROLLBACK'])
  })

  test.each([
    'COMMIT',
    ' rollback',
    'begin',
    '-- so\n/* it */ end',
    'START  TRANSACTION',
    'abort; SELECT 1',
    'Prepare transaction 1',
  ])('is not ended by its work: %s', async (text) => {
    const client = new FakeClient()
    const work = async (tx: Pick<SqlClient, 'query'>) => void (await tx.query(text))
    await expect(fenced(client, FENCE, work)).rejects.toThrow('begins and ends the transaction')
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'ROLLBACK'])
  })

  test('has savepoints, and statements that only look like an end', async () => {
    const client = new FakeClient()
    const texts = ['SAVEPOINT a', 'ROLLBACK TO a', 'rollback work to savepoint a', 'RELEASE a', 'SELECT commit FROM t']
    await fenced(client, FENCE, async (tx) => {
      for (const text of texts) await tx.query(text)
    })
    expect(client.asked.slice(2, -1)).toEqual(texts)
  })

  test('takes no statement after its end', async () => {
    const client = new FakeClient()
    const tx = await fenced(client, FENCE, (given) => given)
    await expect(tx.query('INSERT')).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'COMMIT'])
  })

  test('is not begun for a signal that is aborted, and not committed for one that is aborted meanwhile', async () => {
    const stop = new AbortController()
    const late = new Error('too late')
    const client = new FakeClient()
    await expect(fenced(client, { ...FENCE, signal: stop.signal }, () => stop.abort(late))).rejects.toBe(late)
    expect(client.verbs).toEqual(['BEGIN', 'WITH', 'ROLLBACK'])
    await expect(fenced(client, { ...FENCE, signal: stop.signal }, () => undefined)).rejects.toBe(late)
    expect(client.asked).toHaveLength(3)
  })

  test('does not begin within another one', async () => {
    const client = new FakeClient()
    await fenced(client, FENCE, async (tx) => {
      await expect(fenced(client, FENCE, () => undefined)).rejects.toThrow('raiseFence()')
      await expect(fenced(tx, FENCE, () => undefined)).rejects.toThrow('begins and ends the transaction')
      await raiseFence(tx, { name: 'another', token: 7 })
    })
    const inOne = new FakeClient((text) => (text.startsWith('BEGIN') ? sqlError('25001') : undefined))
    await expect(fenced(inOne, FENCE, () => undefined)).rejects.toThrow('raiseFence()')
    expect(inOne.verbs).toEqual(['BEGIN'])
    for (const status of ['T', 'E']) {
      const known = Object.assign(new FakeClient(), { getTransactionStatus: () => status })
      await expect(fenced(known, FENCE, () => undefined)).rejects.toThrow('raiseFence()')
      expect(known.asked).toEqual([])
    }
  })

  test('says of a client that knows its status when the work has ended it in a way of its own', async () => {
    let status = 'I'
    const client = Object.assign(
      new FakeClient((text) => {
        if (text.startsWith('BEGIN')) status = 'T'
        return undefined
      }),
      { getTransactionStatus: () => status },
    )
    const work = async () => {
      status = 'I'
    }
    await expect(fenced(client, FENCE, work)).rejects.toMatchObject({ code: 'CAUCUS_BACKEND', definite: false })
    expect(client.verbs).toEqual(['BEGIN', 'WITH'])
  })

  test('outlives the loss of its connection while nothing is asked, and listens only that long', async () => {
    const emitter = new EventEmitter()
    const client = Object.assign(emitter, { query: new FakeClient().query.bind(new FakeClient()) })
    await fenced(client, FENCE, () => void emitter.emit('error', new Error('terminated')))
    expect(emitter.listenerCount('error')).toBe(0)
  })

  test('outlives a loss that the client tells only after its statements have failed', async () => {
    const emitter = new EventEmitter()
    const fake = new FakeClient((text) => (/^(INSERT|ROLLBACK)/.test(text) ? sqlError('57P01') : undefined))
    const client = Object.assign(emitter, { query: fake.query.bind(fake) })
    await expect(fenced(client, FENCE, (tx) => tx.query('INSERT'))).rejects.toMatchObject({ code: '57P01' })
    expect(emitter.emit('error', new Error('terminated'))).toBe(true)
  })

  test.each([
    ['42P01', 'CAUCUS_NOT_FOUND', /fenceTable\(\)/],
    ['55P03', 'CAUCUS_UNAVAILABLE', /"scheduler": somebody else had the fence/],
  ])('says what a failure to raise it means (%s)', async (state, code, message) => {
    const cause = sqlError(state)
    const client = new FakeClient((text) => (text.startsWith('WITH') ? cause : undefined))
    const rejection = expect(fenced(client, FENCE, () => undefined)).rejects
    await rejection.toMatchObject({ code, definite: true, cause, message: expect.stringMatching(message) })
  })
})

describe('a fence in a transaction of one’s own', () => {
  test('is refused outside of one', async () => {
    const client = new FakeClient((text) => (text.startsWith('LOCK') ? sqlError('25P01') : undefined))
    await expect(raiseFence(client, FENCE)).rejects.toThrow('has to be the first statement of a transaction')
    expect(client.verbs).toEqual(['LOCK'])
  })
  test('says who is older', async () => {
    const client = new FakeClient((text) => {
      if (text.startsWith('INSERT')) return { rows: [] }
      return text.startsWith('SELECT') ? { rows: [{ newest: '9007199254740993' }] } : undefined
    })
    await expect(raiseFence(client, FENCE)).rejects.toMatchObject({
      message: '"scheduler": token 7 is older than 9007199254740993; stop writing',
      details: { newest: '9007199254740993' },
    })
  })
})

describe('a guarded update', () => {
  const ROW = { token: 7, table: 'accounts', set: { balance: 10, note: null }, where: { id: 3, closed: null } }

  test('is one statement', async () => {
    const client = new FakeClient(() => ({ rowCount: 1 }))
    expect(await fencedUpdate(client, ROW)).toBe(1)
    expect(client.asked).toEqual([
      'UPDATE "accounts" AS target SET "balance" = $2, "note" = $3, ' +
        '"token" = CASE WHEN target."token" IS NULL OR target."token" <= $1::bigint THEN $1::bigint ' +
        `ELSE ('caucus_fenced ' || target."token")::bigint END WHERE target."id" = $4 AND target."closed" IS NULL`,
    ])
    expect(client.values).toEqual([[7, 10, null, 3]])
  })

  test('of a row with a higher token is fenced; any other failure is passed on', async () => {
    const mark = 'invalid input syntax for type bigint: "caucus_fenced 9"'
    const failing = (error: Error) => fencedUpdate(new FakeClient(() => error), ROW)
    await expect(failing(sqlError('22P02', mark))).rejects.toMatchObject({
      code: 'CAUCUS_FENCED',
      message: '"accounts": token 7 is older than 9; stop writing',
    })
    for (const other of [sqlError('40001', mark), sqlError('22P02', 'invalid input')]) {
      await expect(failing(other)).rejects.toBe(other)
    }
  })

  test.each([
    [{ where: {} }, 'every row'],
    [{ where: { id: undefined } }, 'no value for "id"'],
    [{ where: undefined }, 'where takes an object'],
    [{ set: { token: 9 } }, 'holds the token'],
    [{ set: [1] }, 'set takes an object'],
    [{ token: Number.NaN }, 'token is NaN'],
    [{ table: '' }, 'table is the name'],
    [{ tabel: 'x' }, 'knows no "tabel"'],
  ])('refuses %j', async (wrong, message) => {
    const update = { ...ROW, ...wrong } as Parameters<typeof fencedUpdate>[1]
    const refused = expect(fencedUpdate(new FakeClient(), update)).rejects
    await refused.toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT', message: expect.stringContaining(message) })
  })
})

describe('what is no fence is refused:', () => {
  test.each([
    [{ token: Number.NaN }, 'token is NaN'],
    [{ token: 1.5 }, 'token is 1.5'],
    [{ token: -1 }, 'token is -1'],
    [{ token: 0 }, 'token is 0'],
    [{ token: 2 ** 53 }, 'token is 9007199254740992'],
    [{ token: 7n }, 'token is 7'],
    [{ token: '7' }, 'token is of type string'],
    [{ token: undefined }, 'token is of type undefined'],
    [{ name: '' }, 'name is what'],
    [{ name: 'a\0b' }, 'name is what'],
    [{ name: '\ud800' }, 'name is what'],
    [{ name: 'x'.repeat(513) }, 'name is what'],
    [{ name: 7 }, 'name is what'],
    [{ table: 'x'.repeat(64) }, '1 to 63 bytes'],
    [{ table: 'é'.repeat(32) }, '1 to 63 bytes'],
    [{ schema: '' }, 'schema is the name'],
    [{ isolation: 'chaos' }, 'isolation is one of'],
    [{ lockMs: 0 }, 'lockMs is 0'],
    [{ idleMs: Number.POSITIVE_INFINITY }, 'idleMs is Infinity'],
    [{ signal: 'stop' }, 'AbortSignal'],
    [{ leaseMs: 1 }, 'knows no "leaseMs"'],
  ])('%o', async (wrong, message) => {
    const fence = { ...FENCE, ...wrong } as Parameters<typeof fenced>[1]
    const client = new FakeClient()
    const refused = expect(fenced(client, fence, () => undefined)).rejects
    await refused.toMatchObject({ code: 'CAUCUS_INVALID_ARGUMENT', message: expect.stringContaining(message) })
    expect(client.asked).toEqual([])
  })

  test('a pool, or what is no client at all', async () => {
    const pool = Object.assign(new FakeClient(), { totalCount: 1, idleCount: 1 })
    await expect(fenced(pool, FENCE, () => undefined)).rejects.toThrow('await pool.connect()')
    await expect(raiseFence(pool, FENCE)).rejects.toThrow('await pool.connect()')
    const nothing = {} as SqlClient
    await expect(fenced(nothing, FENCE, () => undefined)).rejects.toThrow('takes a client')
    await expect(fenced(new FakeClient(), FENCE, undefined as never)).rejects.toThrow('takes a function')
  })
})

describe('the table of fences', () => {
  test('is named as it is wanted, and never taken for anything else', () => {
    expect(fenceTable()).toMatch(/^CREATE TABLE IF NOT EXISTS "caucus_fence" \(/)
    expect(fenceTable({ schema: 'a.b', table: 'x" (); DROP TABLE y' })).toContain(
      'EXISTS "a.b"."x"" (); DROP TABLE y" (',
    )
    expect(() => fenceTable({ table: 'a\0' })).toThrow('null characters')
    expect(() => fenceTable({ name: 'a' } as object)).toThrow('knows no "name"')
  })
})
