import { CaucusError } from '../../errors.ts'
import { checkFields, checkName, checkToken, fencedOut, quotedTable } from './arguments.ts'
import { isPool, type SqlClient, sqlStateOf } from './client.ts'

/** Where fences are kept: one row for each thing that is fenced. */
export interface FenceTable {
  /** Default: as the search path of the connection has it. */
  readonly schema?: string
  /** Default: `caucus_fence`. */
  readonly table?: string
}

/** What is fenced, and the token of whoever writes. */
export interface Fence extends FenceTable {
  /** What is fenced: an election, a partition, a group of indexes. Everybody who writes to it uses the same name. */
  readonly name: string
  /** The token of a tenure or a run, or the epoch of a share. */
  readonly token: number
}

const DEFAULT_TABLE = 'caucus_fence'

export const FENCE_FIELDS = ['name', 'token', 'schema', 'table']

/** The statement that makes the table, for a migration. It does nothing where the table is there. Throws `CAUCUS_INVALID_ARGUMENT`. */
export const fenceTable = (options: FenceTable = {}): string => {
  checkFields(options, ['schema', 'table'], 'fenceTable()')
  const table = fenceTableOf(options, 'fenceTable()')
  return `CREATE TABLE IF NOT EXISTS ${table} ("name" text PRIMARY KEY, "token" bigint NOT NULL CHECK ("token" > 0))`
}

const fenceTableOf = ({ schema, table = DEFAULT_TABLE }: FenceTable, where: string): string =>
  quotedTable({ schema, table }, where)

export interface SoundFence {
  readonly name: string
  readonly token: number
  /** Quoted. */
  readonly table: string
}

export const soundFence = (fence: Fence, where: string): SoundFence => ({
  name: checkName(fence.name, where),
  token: checkToken(fence.token, where),
  table: fenceTableOf(fence, where),
})

/** Throws unless it can hold a transaction. */
export const checkClient = (client: unknown, where: string): void => {
  const isObject = (typeof client === 'object' || typeof client === 'function') && client !== null
  if (!isObject || !('query' in client) || typeof client.query !== 'function') {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `${where} takes a client with query(text, values), such as one of pg`,
    )
  }
  if (isPool(client)) {
    throw new CaucusError(
      'CAUCUS_INVALID_ARGUMENT',
      `${where} takes one connection, and this is a pool: use \`const client = await pool.connect()\``,
    )
  }
}

/**
 * Raises the row to the token and locks it until the end of the transaction; no row comes back when a higher token is there. An equal token is
 * written again: whoever reads by an older snapshot must notice that somebody was here.
 */
export const raising = (table: string, source: string): string =>
  `INSERT INTO ${table} AS fence ("name", "token") ${source} ON CONFLICT ("name") DO UPDATE SET "token" = excluded."token" ` +
  'WHERE fence."token" <= excluded."token" RETURNING fence."token"'

/**
 * Raises the fence in a transaction that is yours, and is to be its first statement: what was read before may be older than what somebody
 * wrote who had the fence meanwhile. The row stays locked until the transaction ends.
 *
 * Rejects with `CAUCUS_FENCED` when somebody with a higher token was here: roll back, and stop writing. With `CAUCUS_INVALID_ARGUMENT` outside a
 * transaction, since a fence that is raised and let go of guards nothing.
 */
export const raiseFence = async (client: SqlClient, fence: Fence): Promise<void> => {
  const where = 'raiseFence()'
  checkFields(fence, FENCE_FIELDS, where)
  checkClient(client, where)
  const { name, token, table } = soundFence(fence, where)
  try {
    // The statement after it takes this lock anyway. By itself, and before any snapshot, it is refused outside a transaction.
    await client.query(`LOCK TABLE ${table} IN ROW EXCLUSIVE MODE`)
    const { rows } = await client.query(raising(table, 'VALUES ($1::text, $2::bigint)'), [name, token])
    if (rows.length > 0) return
  } catch (error) {
    throw explained(error, { name, token, table }, where)
  }
  throw fencedOut(name, token, await newestOf(client, table, name))
}

const newestOf = async (client: SqlClient, table: string, name: string): Promise<string> => {
  const { rows } = await client.query(`SELECT "token"::text AS newest FROM ${table} WHERE "name" = $1`, [name])
  const [row] = rows as readonly { readonly newest: unknown }[]
  return String(row?.newest ?? 'the one that was here')
}

/** What a failure to raise the fence means here; any other stays as the database has it. Nothing was written in any case. */
export const explained = (error: unknown, { name, table }: SoundFence, where: string): unknown => {
  switch (sqlStateOf(error)) {
    case '42P01':
      return new CaucusError(
        'CAUCUS_NOT_FOUND',
        `there is no table ${table}; make it in a migration, with the statement of fenceTable()`,
        { cause: error },
      )
    case '55P03':
      return new CaucusError(
        'CAUCUS_UNAVAILABLE',
        `${JSON.stringify(name)}: somebody else had the fence for all the time that this waits; nothing was written, try again`,
        { cause: error, details: { name } },
      )
    case '25P01':
      return new CaucusError(
        'CAUCUS_INVALID_ARGUMENT',
        `${where} has to be the first statement of a transaction, and there is none; BEGIN first, or use fenced()`,
        { cause: error },
      )
    default:
      return error
  }
}
