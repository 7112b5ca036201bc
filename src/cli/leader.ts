import { CaucusError, isCaucusError } from '../errors.ts'
import { clean } from './logging.ts'

/** Who leads, as `caucus leader --json` prints it. */
export interface Leader {
  readonly identifier: string
  readonly host: string
  readonly port: number
  readonly metadata: unknown
  readonly term: number
  readonly token: number
  /** Missing where it has only just been elected. */
  readonly leaseMsLeft?: number
}

export const isLeader = (value: unknown): value is Leader => {
  if (typeof value !== 'object' || value === null) return false
  const { identifier, host, port, term, token, leaseMsLeft = 0 } = value as Partial<Record<keyof Leader, unknown>>
  return (
    typeof identifier === 'string' &&
    typeof host === 'string' &&
    [port, term, token, leaseMsLeft].every((each) => typeof each === 'number')
  )
}

/** The fields that scripts may rely on, and no others. */
export const plainLeader = ({ identifier, host, port, metadata, term, token, leaseMsLeft }: Leader): Leader => ({
  identifier,
  host,
  port,
  metadata: metadata ?? {},
  term,
  token,
  ...(leaseMsLeft !== undefined && { leaseMsLeft }),
})

export const whereLeads = ({ identifier, host, port }: Leader): string =>
  `${clean(identifier)} on ${clean(host)}:${port}`

/** Runs it, and says of a server that has never heard of leaders what it is. */
export const ofPeers = async <Found>(ask: () => Promise<Found>): Promise<Found> => {
  try {
    return await ask()
  } catch (error) {
    if (!isCaucusError(error) || error.code !== 'CAUCUS_NOT_FOUND') throw error
    throw new CaucusError(
      'CAUCUS_NOT_FOUND',
      'this is no cluster of peers: the server that answers runs by itself, and has no leader',
      { cause: error },
    )
  }
}
