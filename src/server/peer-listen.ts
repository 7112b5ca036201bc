import type { ListenForPeers } from '../ports/peers.ts'
import { listen } from './listen.ts'
import type { ListenOptions } from './options.ts'

/** What a server knows besides what a peer asks of it. */
export type PeerServerOptions = Pick<
  ListenOptions,
  'access' | 'limits' | 'version' | 'logger' | 'audit' | 'meter' | 'pollGroup'
> & {
  readonly files?: NonNullable<ListenOptions['tls']>['files']
}

/** Opens ports for peers: servers on which voters meet, and which serve whatever the voter that leads hosts, wherever that is. */
export const peerListener =
  ({ files, access, ...options }: PeerServerOptions): ListenForPeers =>
  ({ peers, host, port, token, tls, insecure }) =>
    listen({
      ...options,
      hosting: peers.hosting,
      peers,
      host,
      port,
      insecure,
      ...(access === undefined ? { token } : { access }),
      tls: tls && { ...tls, ...(files !== undefined && { files }) },
    })
