import { connect } from 'node:http2'
import type { Millis } from '../../../core/time.ts'
import type { Clock } from '../../../ports/clock.ts'
import type { TlsOptions } from '../../../ports/socket.ts'

/**
 * Resolves with `undefined` once somebody speaks HTTP/2 there, or with why not.
 *
 * It is asked before every gRPC connection, because a connection that gRPC has begun cannot be given up: towards a frozen process, whose
 * kernel goes on accepting, it would keep our process alive for as long as that stays frozen. It also says what is wrong with a certificate.
 */
export const probe = (
  url: string,
  tls: TlsOptions | undefined,
  clock: Clock,
  withinMs: Millis,
  signal: AbortSignal,
): Promise<string | undefined> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve('it was closed')
    const session = connect(url, { ...tls })
    const end = (why?: string) => {
      timer.clear()
      signal.removeEventListener('abort', aborted)
      session.destroy()
      resolve(why)
    }
    const aborted = () => end('it was closed')
    const timer = clock.setTimer(clock.now() + withinMs, () =>
      // After a poll, since this process may be the one that stood still.
      clock.turn(() => end(`${url} does not answer within ${Math.round(withinMs)} ms`)),
    )
    signal.addEventListener('abort', aborted)
    session.once('remoteSettings', () => end())
    session.once('close', () => end(`${url} closed the connection`))
    session.on('error', (error: NodeJS.ErrnoException) => end(`${url}: ${error.message || error.code || 'refused'}`))
  })
