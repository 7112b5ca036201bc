import type { ListenForPeers } from '../ports/peers.ts'
import type { DemoControls } from './demo-routes.ts'
import { listenFor } from './listen.ts'
import type { ListenOptions } from './options.ts'

/** What a server knows besides what a peer asks of it. */
export type PeerServerOptions = Pick<
  ListenOptions,
  'access' | 'limits' | 'version' | 'logger' | 'audit' | 'meter' | 'pollGroup'
> & {
  readonly files?: NonNullable<ListenOptions['tls']>['files']
  /** Of a demo alone. */
  readonly demo?: DemoControls | undefined
}

/** Opens ports for peers: servers on which voters meet, and which serve whatever the voter that leads hosts, wherever that is. */
export const peerListener =
  ({ files, access, demo, ...options }: PeerServerOptions): ListenForPeers =>
  ({ peers, host, port, token, tls, insecure }) =>
    listenFor(
      {
        ...options,
        hosting: peers.hosting,
        peers,
        host,
        port,
        insecure,
        ...(access === undefined ? { token } : { access }),
        tls: tls && { ...tls, ...(files !== undefined && { files }) },
      },
      demo,
    )
