import { checkFields, checkToken, fencedOut, quoted, quotedTable, refuse } from './arguments.ts'
import { type SqlClient, sqlStateOf } from './client.ts'

/** One update of rows that carry a token of their own, made only where that is not newer. */
export interface FencedUpdate {
  readonly token: number
  readonly table: string
  /** Default: as the search path of the connection has it. */
  readonly schema?: string
  /** The column of the table that holds the token of whoever wrote the row last, a bigint. Default: `token`. */
  readonly column?: string
  /** Columns and what they become. Without any, the token alone is raised. */
  readonly set?: Readonly<Record<string, unknown>>
  /** Columns and what they must equal: usually a primary key. */
  readonly where: Readonly<Record<string, unknown>>
}

const FIELDS = ['token', 'table', 'schema', 'column', 'set', 'where']
const WHERE = 'fencedUpdate()'
const MARK = 'caucus_fenced'

/**
 * Updates rows that keep the token of their last writer themselves, in one statement and without a fence of their own. Resolves with how many
 * were changed: 0 when there are none.
 *
 * Rejects with `CAUCUS_FENCED` when one of them has a higher token, and then changes none: stop writing. Any client will do, a pool too.
 */
export const fencedUpdate = async (client: Pick<SqlClient, 'query'>, update: FencedUpdate): Promise<number> => {
  checkFields(update, FIELDS, WHERE)
  const { token, text, values } = statementOf(update)
  try {
    const { rowCount } = await client.query(text, values)
    return rowCount ?? 0
  } catch (error) {
    const newest = sqlStateOf(error) === '22P02' ? newestIn(error) : undefined
    throw newest === undefined ? error : fencedOut(update.table, token, newest, error)
  }
}

/**
 * A row with a higher token is no number to PostgreSQL, which fails the statement as a whole: so nothing is changed in part, no row that was
 * written in between is overlooked, and in a transaction nothing can follow.
 */
const statementOf = (update: FencedUpdate) => {
  const token = checkToken(update.token, WHERE)
  const table = quotedTable(update, WHERE)
  const column = quoted(update.column ?? 'token', 'column', WHERE)
  const values: unknown[] = [token]
  const set = columnsOf(update.set ?? {}, 'set').map(([name, value]) => {
    if (name === column) refuse(`${WHERE}: set writes ${column}, which holds the token; leave it out`)
    return `${name} = $${values.push(value)}`
  })
  const where = columnsOf(update.where, 'where').map(([name, value]) =>
    value === null ? `target.${name} IS NULL` : `target.${name} = $${values.push(value)}`,
  )
  if (where.length === 0) refuse(`${WHERE}: where names no column, and would mean every row; name those of a key`)
  const raised =
    `CASE WHEN target.${column} IS NULL OR target.${column} <= $1::bigint THEN $1::bigint ` +
    `ELSE ('${MARK} ' || target.${column})::bigint END`
  const text = `UPDATE ${table} AS target SET ${[...set, `${column} = ${raised}`].join(', ')} WHERE ${where.join(' AND ')}`
  return { token, text, values }
}

const columnsOf = (columns: unknown, field: string): readonly (readonly [string, unknown])[] => {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) {
    return refuse(`${WHERE}: ${field} takes an object of columns and values`)
  }
  return Object.entries(columns).map(([name, value]) => {
    if (value === undefined)
      refuse(`${WHERE}: ${field} has no value for ${JSON.stringify(name.slice(0, 64))}; give one, or null`)
    return [quoted(name, 'column', WHERE), value] as const
  })
}

const newestIn = (error: unknown): string | undefined =>
  new RegExp(`${MARK} (\\d+)`).exec(error instanceof Error ? error.message : '')?.[1]
