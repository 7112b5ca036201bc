import { CaucusError } from '../../errors.ts'
import { checkFields, checkMillis, fencedOut, refuse } from './arguments.ts'
import { type SqlClient, sqlStateOf, surviveLoss } from './client.ts'
import {
  checkClient,
  explained,
  FENCE_FIELDS,
  type Fence,
  raising,
  type SoundFence,
  soundFence,
} from './fence-table.ts'
import { Transaction } from './transaction.ts'

/** Of one fenced transaction: the fence, how isolated it is, and how long it may wait. */
export interface FencedOptions extends Fence {
  /** Default: `read committed`. With the others a serialisation failure (40001) comes more often, and means: all of it again. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  /** How long a lock is waited for, the fence's and every later one. Default 15 000; longer than `idleMs`, so that somebody who froze is waited out. */
  readonly lockMs?: number
  /** How long the server waits for the next statement before it gives the transaction up, and with it the connection. Default 10 000. */
  readonly idleMs?: number
  /** Looked at before it begins and before it commits: the signal of a tenure spares the attempt. */
  readonly signal?: AbortSignal
}

const FIELDS = [...FENCE_FIELDS, 'isolation', 'lockMs', 'idleMs', 'signal']
const ISOLATIONS = ['read committed', 'repeatable read', 'serializable']

/** Their statements would be torn out of one another's transactions. */
const busy = new WeakSet<SqlClient>()

/**
 * Runs `work` in a transaction after which nothing is written under the same name with a lower token. Its first statement raises the row of the fence
 * to the token and locks it until the end, so others who write under that name come wholly before or after. Resolves with what `work` gives, once
 * that is committed.
 *
 * Rejects with `CAUCUS_FENCED` when somebody with a higher token was here, before `work` is called: stop writing. With the error of `work`, or of
 * the database, after all of it was rolled back. With `CAUCUS_CONNECTION_LOST` (`definite: false`) when the connection is lost in the middle of the commit.
 */
export const fenced = async <Client extends SqlClient, Result>(
  client: Client,
  fence: FencedOptions,
  work: (tx: Pick<Client, 'query'>) => Result | Promise<Result>,
): Promise<Result> => {
  const where = 'fenced()'
  checkFields(fence, FIELDS, where)
  checkClient(client, where)
  if (typeof work !== 'function') refuse(`${where} takes a function that writes, and is given the transaction`)
  const { isolation = 'read committed', lockMs = 15_000, idleMs = 10_000, signal } = fence
  if (!ISOLATIONS.includes(isolation)) refuse(`${where}: isolation is one of ${ISOLATIONS.join(', ')}`)
  if (signal !== undefined && typeof signal?.throwIfAborted !== 'function') refuse(`${where}: signal is an AbortSignal`)
  const limits = { lockMs: checkMillis(lockMs, 'lockMs', where), idleMs: checkMillis(idleMs, 'idleMs', where) }
  const sound = soundFence(fence, where)
  signal?.throwIfAborted()
  if (busy.has(client) || (client.getTransactionStatus?.() ?? 'I') !== 'I') throw nested()
  busy.add(client)
  const listenNoMore = surviveLoss(client)
  let isLost = false
  try {
    await begin(client, isolation)
    return await commitAfter(
      new Transaction(client),
      signal,
      async (tx) => {
        await raise(client, sound, limits)
        return await work(tx)
      },
      () => {
        isLost = true
      },
    )
  } finally {
    // That a connection has ended is told by the client after its statements have failed, and by then nobody else may listen.
    if (!isLost) listenNoMore()
    busy.delete(client)
  }
}

const commitAfter = async <Client extends SqlClient, Result>(
  transaction: Transaction<Client>,
  signal: AbortSignal | undefined,
  work: (tx: Pick<Client, 'query'>) => Promise<Result>,
  lost: () => void,
): Promise<Result> => {
  try {
    const result = await work(transaction.face)
    transaction.close()
    signal?.throwIfAborted()
    await transaction.commit()
    return result
  } catch (error) {
    transaction.close()
    if (!(await transaction.rollBack())) lost()
    throw error
  }
}

/**
 * DEFERRABLE means nothing to a transaction that writes. It is how the next statement knows that it is in this one, and to say it is refused where a
 * transaction has begun its work already.
 */
const begin = async (client: SqlClient, isolation: string): Promise<void> => {
  try {
    await client.query(`BEGIN ISOLATION LEVEL ${isolation.toUpperCase()}, READ WRITE, DEFERRABLE`)
  } catch (error) {
    throw sqlStateOf(error) === '25001' ? nested(error) : error
  }
}

const nested = (cause?: unknown): CaucusError =>
  new CaucusError(
    'CAUCUS_INVALID_ARGUMENT',
    'fenced() begins a transaction, and this client is in one; use raiseFence() as the first statement of that one',
    { cause },
  )

interface Limits {
  readonly lockMs: number
  readonly idleMs: number
}

/** One statement, so one message there and back: the limits count from before the lock is waited for. */
const raise = async (client: SqlClient, fence: SoundFence, { lockMs, idleMs }: Limits): Promise<void> => {
  const { name, token, table } = fence
  const limits =
    "WITH begun AS MATERIALIZED (SELECT set_config('lock_timeout', $3::text, true), " +
    `set_config('idle_in_transaction_session_timeout', $4::text, true), ${IS_OURS} AS is_ours) `
  const statement = limits + raising(table, 'SELECT $1::text, $2::bigint FROM begun WHERE is_ours')
  try {
    const { rows } = await client.query(statement, [name, token, String(lockMs), String(idleMs)])
    if (rows.length > 0) return
  } catch (error) {
    throw explained(error, fence, 'fenced()')
  }
  const { rows } = await client.query(
    `SELECT (SELECT "token"::text FROM ${table} WHERE "name" = $1) AS newest, ${IS_OURS} AS is_ours`,
    [name],
  )
  const [found] = rows as readonly { readonly newest: unknown; readonly is_ours: unknown }[]
  // The row is locked by now, so it cannot have gone in between.
  if (typeof found?.newest !== 'string' || (found.is_ours !== true && found.is_ours !== 't')) {
    return refuse(
      'fenced() takes a client that keeps to one connection; this one gave its statements to several, as a pool does',
    )
  }
  throw fencedOut(name, token, found.newest)
}

const IS_OURS = "current_setting('transaction_deferrable')::boolean"
