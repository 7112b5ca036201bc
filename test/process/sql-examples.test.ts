import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, embedded } from 'caucus'
import { Pool } from 'pg'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { FencedResource, serveFenced } from '../../examples/fenced-http.ts'
import { bookSome, runPayouts, TABLES } from '../../examples/fenced-sql.ts'
import { POSTGRES, startPostgres } from '../../src/testing/servers/postgres.ts'
import { lackFor } from './support/needs.ts'
import { waitFor } from './support/wait.ts'

describe('a resource with an ETag that carries the token', () => {
  const server = serveFenced()
  let url: string
  beforeEach(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${Math.random()}`
  })
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })
  const put = async (headers: Record<string, string>) =>
    (await fetch(url, { method: 'PUT', headers, body: 'x' })).status

  test('takes from its writer what that one saw last', async () => {
    const older = new FencedResource(url, 7)
    expect(await older.read()).toBeUndefined()
    await older.write('a')
    await older.write('b')
    expect((await fetch(url)).headers.get('etag')).toBe('"7.2"')
    const newer = new FencedResource(url, 9)
    expect(await newer.read()).toBe('b')
    await newer.write('c')
    // With what it read before, and with what it reads on waking: it is an older one.
    await expect(older.write('d')).rejects.toMatchObject({
      code: 'CAUCUS_FENCED',
      message: 'token 7 is older than 9; stop writing',
    })
    expect(await older.read()).toBe('c')
    await expect(older.write('d')).rejects.toMatchObject({ code: 'CAUCUS_FENCED' })
    expect(await newer.read()).toBe('c')
  })

  test('lets one of two with the same token find out that it has not seen everything', async () => {
    const [one, two] = [new FencedResource(url, 7), new FencedResource(url, 7)]
    await one.write('a')
    await expect(two.write('b')).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    expect(await two.read()).toBe('a')
    await two.write('b')
    await expect(one.write('c')).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
  })

  test('wants to know both, and nothing but a token for one', async () => {
    expect(await put({ 'fencing-token': '7' })).toBe(428)
    for (const token of ['', '0', '-1', '1.5', '1e3', 'NaN', '9007199254740992']) {
      expect(await put({ 'fencing-token': token, 'if-none-match': '*' })).toBe(400)
    }
    expect(await put({ 'fencing-token': '7', 'if-match': '"7.1"' })).toBe(412)
    expect(await put({ 'fencing-token': '9007199254740991', 'if-none-match': '*' })).toBe(204)
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(405)
  })
})

describe.skipIf(lackFor('the example with PostgreSQL', [POSTGRES]))('payouts in PostgreSQL', () => {
  test('are booked once each, by whoever leads', async () => {
    await using postgres = await startPostgres()
    const pool = new Pool({ connectionString: postgres.url })
    await using caucus = await connect(embedded())
    const over = new AbortController()
    try {
      await pool.query(TABLES)
      const due = "INSERT INTO payouts (account, cents) SELECT 'account ' || n % 7, n FROM generate_series(1, 250) AS n"
      await pool.query(due)
      const running = ['a', 'b'].map((id) => runPayouts(caucus, { pool, pauseMs: 10, id }, over.signal))
      const untilBooked = () =>
        waitFor('all to be booked', async () => {
          return (await pool.query('SELECT FROM payouts WHERE booked_by IS NULL')).rowCount === 0
        })
      await untilBooked()
      await pool.query(due)
      await untilBooked()
      over.abort()
      await Promise.all(running)
      const { rows } = await pool.query('SELECT sum(cents)::int AS cents, count(*)::int AS accounts FROM balances')
      expect(rows).toEqual([{ cents: 250 * 251, accounts: 7 }])
      // Somebody of before.
      await pool.query(due)
      expect(await bookSome(pool, 1)).toBe(0)
      expect((await pool.query('SELECT FROM payouts WHERE booked_by IS NULL')).rowCount).toBe(250)
    } finally {
      over.abort()
      await pool.end()
    }
  })
})
