import { CaucusError } from '../../errors.ts'
import { type SqlClient, type SqlResult, sqlStateOf } from './client.ts'

/** What begins or ends a transaction; `ROLLBACK TO` a savepoint does not. It finds slips, nobody who wants to hide one. */
const ENDS =
  /^(?:\s|--[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:begin|start\s+transaction|commit|end|abort|prepare\s+transaction|rollback(?!\s+(?:work\s+|transaction\s+)?to\b))\b/i

/** What the server says that it did when a transaction was begun or ended; of a `ROLLBACK TO` it says the same as of a `ROLLBACK`. */
const ENDED = new Set<unknown>(['COMMIT', 'BEGIN', 'START'])

/** One transaction of a client, for work that is given nothing but its statements. */
export class Transaction<Client extends SqlClient> {
  /** What the work is given. */
  readonly face: Pick<Client, 'query'>
  readonly #client: Client
  #isOver = false
  #failure: { readonly error: unknown } | undefined
  /** Among several statements in one text there was one that ended it. */
  #wasEnded = false
  /** Statements whose end nobody has heard yet. */
  readonly #running = new Set<Promise<unknown>>()

  constructor(client: Client) {
    this.#client = client
    // It forwards whatever its client understands.
    const query = (...given: Parameters<SqlClient['query']>): unknown => this.#query(given)
    this.face = { query: query as Client['query'] }
  }

  #query(given: Parameters<SqlClient['query']>): unknown {
    const asked: unknown = given[0]
    const text = typeof asked === 'string' ? asked : ((asked ?? {}) as { readonly text?: unknown }).text
    const fault = this.#faultOf(typeof text === 'string' ? text : '')
    if (fault !== undefined) return Promise.reject(fault)
    const result: unknown = this.#client.query(...given)
    // Clients also have streams and callbacks, which say themselves what becomes of them.
    if (result instanceof Promise) {
      const noted = result.then(
        (said: unknown) => {
          for (const one of [said].flat()) {
            if (ENDED.has((one as Partial<SqlResult> | null | undefined)?.command)) this.#wasEnded = true
          }
          this.#running.delete(noted)
        },
        (error: unknown) => {
          this.#failure ??= { error }
          this.#running.delete(noted)
        },
      )
      this.#running.add(noted)
    }
    return result
  }

  #faultOf(text: string): CaucusError | undefined {
    if (this.#isOver) {
      const message = 'this transaction is over: await every statement of it, since a later one would not be fenced'
      return new CaucusError('CAUCUS_CLOSED', message)
    }
    if (!ENDS.test(text)) return undefined
    const message =
      'fenced() begins and ends the transaction: return to commit, throw to roll back, and use SAVEPOINT, or raiseFence(), within it'
    return new CaucusError('CAUCUS_INVALID_ARGUMENT', message)
  }

  /** Ends what the work may do. */
  close(): void {
    this.#isOver = true
  }

  /**
   * Resolves once it is committed. Rejects with `definite: true` when it is not, and with `CAUCUS_CONNECTION_LOST` when nobody can know.
   * PostgreSQL answers the COMMIT of a transaction that has failed with a ROLLBACK and no error.
   */
  async commit(): Promise<void> {
    // One that nobody awaited may fail yet, and a client may not say what became of the COMMIT after it.
    await Promise.all(this.#running)
    const status = this.#client.getTransactionStatus?.() ?? undefined
    if (status === 'I' || this.#wasEnded) throw endedInside()
    if (status === 'E') throw this.#rolledBack()
    if (status === undefined && this.#failure !== undefined) await this.#probe()
    const command = await this.#committed()
    if (command === 'ROLLBACK') throw this.#rolledBack()
  }

  /** In a transaction that has failed, nothing but its end is accepted; after a return to a savepoint everything is. */
  async #probe(): Promise<void> {
    try {
      await this.#client.query('SELECT 1')
    } catch (error) {
      if (sqlStateOf(error) === '25P02') throw this.#rolledBack()
      throw error
    }
  }

  async #committed(): Promise<string | undefined> {
    try {
      return (await this.#client.query('COMMIT')).command
    } catch (error) {
      const state = sqlStateOf(error)
      // The server said no: a deferred constraint, a serialisation failure. It says nothing of the kind when it is going down, or does not know.
      if (state !== undefined && !/^(08|57P|58|40003)/.test(state)) throw error
      const message = 'the connection was lost in the middle of a COMMIT; look whether what it wrote is there'
      throw new CaucusError('CAUCUS_CONNECTION_LOST', message, { cause: error })
    }
  }

  #rolledBack(): CaucusError {
    const message =
      'nothing was written: a statement had failed, which ends a transaction, and the work went on as if it had not; let it throw, or return to a savepoint'
    return new CaucusError('CAUCUS_CONFLICT', message, { cause: this.#failure?.error })
  }

  /** What cannot be rolled back is over already, and its error says so. Resolves with whether the server is still there. */
  async rollBack(): Promise<boolean> {
    if (this.#client.getTransactionStatus?.() === 'I') return true
    return this.#client.query('ROLLBACK').then(
      () => true,
      () => false,
    )
  }
}

const endedInside = (): CaucusError =>
  new CaucusError(
    'CAUCUS_BACKEND',
    'the work ended the transaction of fenced() itself; what it wrote after that was not fenced, and may be there',
  )
