import { X509Certificate } from 'node:crypto'
import { createSecureContext } from 'node:tls'
import { CaucusError } from '../errors.ts'
import type { TlsOptions } from '../ports/socket.ts'

const KNOWN = ['ca', 'cert', 'key']

/** Throws `CAUCUS_INVALID_ARGUMENT` for what no connection could be made with. `where` goes before what is wrong. */
export const checkedClientTls = (tls: unknown, where: string): TlsOptions => {
  if (typeof tls !== 'object' || tls === null) return refuse(`${where} takes { ca, cert, key } as PEM`)
  for (const name of Object.keys(tls)) {
    if (!KNOWN.includes(name)) refuse(`${where} takes ca, cert and key as PEM, not "${name.slice(0, 64)}"`)
  }
  const sound: TlsOptions = tls
  if ((sound.cert === undefined) !== (sound.key === undefined)) {
    refuse(`${where} takes cert and key together, or neither`)
  }
  try {
    // Node takes a `ca` without any certificate in it, and trusts nobody then.
    if (sound.ca !== undefined) new X509Certificate(sound.ca)
    createSecureContext(sound)
  } catch (cause) {
    refuse(`${where}: ${cause instanceof Error ? cause.message : cause}`, cause)
  }
  return sound
}

const refuse = (message: string, cause?: unknown): never => {
  throw new CaucusError('CAUCUS_INVALID_ARGUMENT', message, { cause })
}
