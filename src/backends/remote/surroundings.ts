import type { Clocks } from '../../ports/clock.ts'
import type { OpenSocket, TlsOptions } from '../../ports/socket.ts'

export interface GetOptions {
  readonly token: string | undefined
  readonly tls: TlsOptions | undefined
  readonly headers?: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
  /** How long the server may be silent. */
  readonly silenceMs: number
}

/** The text of an answer, piece by piece. */
export interface AnswerText extends AsyncIterable<string> {
  /** Ends it, read or not. */
  destroy(): void
}

/** Both reject with the server's error, `CAUCUS_UNAVAILABLE` when there is none, or the signal's reason. */
export interface HttpClient {
  /** Resolves with an answer of status 200 whose text is still to be read. */
  get(url: string, options: GetOptions): Promise<AnswerText>
  /** Resolves with the JSON that is at `url`. */
  getJson(url: string, options: GetOptions): Promise<unknown>
}

/** Everything through which time, chance and the network reach a remote backend: whoever makes them up has runs that can be repeated. */
export interface Surroundings {
  readonly clocks: Clocks
  /** In [0, 1). */
  random(): number
  /** Different at every call, in every process. */
  newId(): string
  /** Runs once this turn of the loop is over, before the loop waits. Default: the clock's `turn`, which comes one poll later. */
  readonly soon?: (run: () => void) => void
  readonly openSocket: OpenSocket
  readonly http: HttpClient
}
