import { PROTOCOL } from '../core/group/messages.ts'
import { quoted } from './validate.ts'

/** What links speak here, newest first. How long an older one is spoken: docs/stability.md. */
export const PROTOCOLS = [PROTOCOL, 1] as const
export type Protocol = (typeof PROTOCOLS)[number]

/** How a client names a version that it speaks, as a subprotocol. */
export const subprotocolOf = (protocol: Protocol): string => `caucus.v${protocol}`

/** What a client of ours offers, the one that it likes best first. */
export const LINK_SUBPROTOCOLS: readonly string[] = PROTOCOLS.map(subprotocolOf)

export const isSpoken = (protocol: unknown): protocol is Protocol => PROTOCOLS.some((each) => each === protocol)

/** The newest version that both sides speak, whatever the order in which it was offered. */
export const negotiated = (offered: readonly number[]): Protocol | undefined =>
  PROTOCOLS.find((each) => offered.includes(each))

/** The versions among the subprotocols that a client offers; those of others are none of ours. */
export const versionsIn = (subprotocols: readonly string[]): readonly number[] =>
  subprotocols.flatMap((each) => {
    const version = /^caucus\.v(\d{1,9})$/.exec(each)?.[1]
    return version === undefined ? [] : [Number(version)]
  })

const listed = (versions: readonly number[]): string =>
  [...versions]
    .sort((a, b) => a - b)
    .slice(0, 10)
    .join(' and ')

/** Who has to be upgraded: the side whose newest version is the older one. */
const older = (theirs: readonly number[], them: string, us: string): string =>
  Math.max(...theirs) < PROTOCOL ? them : us

/** What a server says to a client with which it has no version in common. */
export const offerFault = (offered: readonly number[]): string => {
  const ours = `this server speaks ${listed(PROTOCOLS)}`
  if (offered.length === 0) {
    return `the client names no protocol of links, and ${ours}: offer ${LINK_SUBPROTOCOLS.join(', ')} as a subprotocol, or say ?protocol=${PROTOCOL}`
  }
  return `the client speaks protocol ${listed(offered)}, and ${ours}: upgrade caucus on ${older(offered, 'the client', 'this server')}`
}

/** What a client says of a server whose hello names a version that it does not speak. */
export const helloFault = (protocol: unknown): string => {
  const ours = `this client speaks ${listed(PROTOCOLS)}`
  if (typeof protocol !== 'number') return `the hello names the protocol ${quoted(protocol)}, and ${ours}`
  return `the server speaks protocol ${listed([protocol])}, and ${ours}: upgrade caucus on ${older([protocol], 'the server', 'this client')}`
}
