// Payouts that whoever leads books from a queue in PostgreSQL: each of them once, also when a leader is stopped in the middle, sleeps through its
// lease, and goes on when somebody else leads already.
//
// Every transaction begins by raising the fence of the job to the leader's token. What it reads after that nobody changes under it, and what a
// leader of before still writes is refused by the database, whatever that leader believes.
import { type Caucus, isCaucusError } from 'caucus'
import { fenced, fenceTable } from 'caucus/sql'
import type { Pool, PoolClient } from 'pg'

const JOB = 'payouts'

/** For a migration. */
export const TABLES = `
  ${fenceTable()};
  CREATE TABLE IF NOT EXISTS payouts (id bigserial PRIMARY KEY, account text NOT NULL, cents int NOT NULL, booked_by bigint);
  CREATE TABLE IF NOT EXISTS balances (account text PRIMARY KEY, cents int NOT NULL);
`

/** Books what there is to book whenever it is this replica's turn, until `signal` is aborted. */
export const runPayouts = async (
  caucus: Caucus,
  { pool, pauseMs, id }: { readonly pool: Pool; readonly pauseMs: number; readonly id?: string },
  signal: AbortSignal,
): Promise<void> => {
  const lead = async ({ token, signal: led }: { readonly token: number; readonly signal: AbortSignal }) => {
    while (!led.aborted) {
      const booked = await bookSome(pool, token)
      if (booked === 0) await pause(pauseMs, led)
    }
  }
  try {
    await caucus.election(JOB).lead(lead, { signal, ...(id !== undefined && { id }) })
  } catch (error) {
    // Being called off is how it ends; anything else is worth knowing.
    if (!signal.aborted) throw error
  }
}

/** Resolves with how many were booked; with 0 when somebody newer leads, who books the rest. */
export const bookSome = async (pool: Pool, token: number): Promise<number> => {
  const client = await pool.connect()
  let failure: Error | undefined
  try {
    return await fenced(client, { name: JOB, token }, (tx) => book(tx, token))
  } catch (error) {
    // Not this leader's any more. Its signal says so as well, perhaps a moment later.
    if (isCaucusError(error) && error.code === 'CAUCUS_FENCED') return 0
    failure = error as Error
    throw error
  } finally {
    // A client whose connection may be broken does not go back into the pool.
    client.release(failure)
  }
}

/** Reads and writes in one transaction, after the fence: what an earlier leader committed is seen, and nothing of it comes later. */
const book = async (tx: Pick<PoolClient, 'query'>, token: number): Promise<number> => {
  const { rows } = await tx.query<{ id: string; account: string; cents: number }>(
    'SELECT id, account, cents FROM payouts WHERE booked_by IS NULL ORDER BY id LIMIT 100',
  )
  for (const { id, account, cents } of rows) {
    const add = `INSERT INTO balances VALUES ($1, $2)
      ON CONFLICT (account) DO UPDATE SET cents = balances.cents + excluded.cents`
    await tx.query(add, [account, cents])
    await tx.query('UPDATE payouts SET booked_by = $1 WHERE id = $2', [token, id])
  }
  return rows.length
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
  })
