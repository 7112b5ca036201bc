import type { ListenForPeers } from '../ports/peers.ts'
import { leadershipOnly } from './leadership-only.ts'
import { listen } from './listen.ts'
import type { ListenOptions } from './options.ts'

/** What a server knows besides what a peer asks of it. */
export type PeerServerOptions = Pick<ListenOptions, 'access' | 'limits' | 'version' | 'logger' | 'audit' | 'meter'> & {
  readonly files?: NonNullable<ListenOptions['tls']>['files']
}

/** Opens ports for peers: a server with `/v1/leader`, `/v1/peers`, `/healthz` and `/metrics`, on which voters meet. */
export const peerListener =
  ({ files, access, ...options }: PeerServerOptions): ListenForPeers =>
  ({ peers, host, port, token, tls, insecure }) => {
    const { cluster, identifier } = peers.view()
    return listen({
      ...options,
      hosting: leadershipOnly(cluster, identifier, peers.guarantees),
      peers,
      host,
      port,
      insecure,
      ...(access === undefined ? { token } : { access }),
      tls: tls && { ...tls, ...(files !== undefined && { files }) },
    })
  }
