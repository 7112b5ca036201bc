import type { Backend } from '../../ports/backend.ts'
import type { Clocks } from '../../ports/clock.ts'
import type { OpenSocket } from '../../ports/socket.ts'
import { clearly } from '../../stores/file-store.ts'
import { thisProcess } from '../../stores/owner.ts'
import { LocalBackend } from './backend.ts'
import { openDirectory } from './directory.ts'
import { askThere } from './door-http.ts'
import { throughDoor } from './door-socket.ts'
import { Keeper } from './keeper.ts'
import type { SoundLocal } from './options.ts'
import type { LocalServer } from './serving.ts'

/** How a client reads what a server says over HTTP. */
interface Http<Options, Answer> {
  get(url: string, options: Options): Promise<Answer>
  getJson(url: string, options: Options): Promise<unknown>
}

/** What a client of a server needs: of this process and its machine. */
export interface ClientParts<Options, Answer> {
  readonly clocks: Clocks
  readonly openSocket: OpenSocket
  readonly http: Http<Options, Answer>
}

export interface LocalSurroundings<Parts extends ClientParts<Options, Answer>, Options, Answer> {
  readonly parts: Parts
  wallMs(): number
  server(): Promise<LocalServer>
  /** Resolves with a client of the server at this URL, by these parts. */
  client(url: string, parts: Parts): Promise<Backend>
}

/**
 * Resolves with a backend once this process is connected to whoever coordinates on this machine, which may be itself. Rejects as `remote()`
 * does, with `CAUCUS_INVALID_CONFIG` when the directory cannot be used, and with the signal's reason.
 */
export const openLocal = async <
  Parts extends ClientParts<Options, Answer>,
  Options extends { readonly token: string | undefined; readonly signal?: AbortSignal | undefined },
  Answer,
>(
  sound: SoundLocal,
  { parts, wallMs, server, client }: LocalSurroundings<Parts, Options, Answer>,
): Promise<Backend> => {
  const { directory, isTemporary } = sound
  await openDirectory(directory, isTemporary)
  // Now, though another one may serve for as long as this process lives: loading takes a busy machine longer than a short lease.
  await server()
  const keeper = new Keeper({
    sound,
    self: await clearly(directory, thisProcess),
    clock: parts.clocks.grantor,
    wallMs,
    server,
  })
  // Not where it is today: that changes with whoever coordinates.
  const name = `local:${directory}`
  const via = <Result>(url: string, options: Options, go: (url: string, options: Options) => Promise<Result>) =>
    askThere(keeper, parts.clocks.grantor, options.signal, (door) =>
      go(`${door.url}${url.slice(name.length)}`, { ...options, token: door.token }),
    )
  try {
    const connected = await client(name, {
      ...parts,
      openSocket: throughDoor(keeper, parts.openSocket),
      http: {
        get: (url, options) => via(url, options, (at, by) => parts.http.get(at, by)),
        getJson: (url, options) => via(url, options, (at, by) => parts.http.getJson(at, by)),
      },
    })
    return new LocalBackend(connected, keeper)
  } catch (error) {
    await keeper.close()
    throw error
  }
}
