/** What is needed of a client of PostgreSQL. `Client` and `PoolClient` of `pg` are such; for any other a few lines make one. */
export interface SqlClient {
  /** One statement, with values for `$1`, `$2`, …. Statements of one client are carried out in the order of the calls, on one connection. */
  query(text: string, values?: unknown[]): Promise<SqlResult>
  /** As `pg` has it: `I` outside a transaction, `T` in one, `E` in one that has failed. Without it the same is found out in other ways. */
  getTransactionStatus?(): string | null
}

/** What a statement gave, as `pg` says it. */
export interface SqlResult {
  readonly rows: readonly unknown[]
  readonly rowCount: number | null
  /** What the server says that it did. A COMMIT that it answers with ROLLBACK is noticed by it, where there is one. */
  readonly command?: string
}

/** What a database says of an error; the codes are PostgreSQL's (SQLSTATE). */
export const sqlStateOf = (error: unknown): string | undefined => {
  const { code } = (error ?? {}) as { readonly code?: unknown }
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

/** A pool gives each statement to whichever connection is free: a transaction would be torn apart. */
export const isPool = (client: object): boolean => 'totalCount' in client && 'idleCount' in client

type ErrorListener = (error: Error) => void

interface Emitter {
  on(event: 'error', listener: ErrorListener): unknown
  removeListener(event: 'error', listener: ErrorListener): unknown
}

const isEmitter = (client: object): client is Emitter =>
  'on' in client &&
  typeof client.on === 'function' &&
  'removeListener' in client &&
  typeof client.removeListener === 'function'

/**
 * Keeps the process alive when the server ends the connection of a client that is not asking anything just then, as it does with one that was
 * frozen in the middle of a transaction: `pg` emits that as `error`, which ends a process that does not listen. The next statement says it
 * anyway. Gives the function that listens no more.
 */
export const surviveLoss = (client: object): (() => void) => {
  if (!isEmitter(client)) return () => undefined
  const ignore = () => undefined
  client.on('error', ignore)
  return () => void client.removeListener('error', ignore)
}
