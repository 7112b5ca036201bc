import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { Timing } from '../../config/timing.ts'
import { CaucusError } from '../../errors.ts'
import { Child } from './child.ts'
import type { House } from './house.ts'
import { waitFor } from './wait.ts'

export interface TrialServerOptions {
  readonly timing: Partial<Timing>
  /** Before the command, such as `['ip', 'netns', 'exec', 'x']`. */
  readonly prefix?: readonly string[]
  readonly env?: NodeJS.ProcessEnv
  /** Default: loopback. */
  readonly host?: string
}

/** `caucus serve` with a data directory, on one port for as long as the trial lasts. */
export class TrialServer {
  readonly #house: House
  readonly #options: TrialServerOptions
  #child: Child | undefined
  #url = ''

  constructor(house: House, options: TrialServerOptions) {
    this.#house = house
    this.#options = options
    writeFileSync(house.path('server.json'), JSON.stringify({ cluster: 'trial', timing: options.timing }))
  }

  get url(): string {
    return this.#url
  }

  get child(): Child {
    if (this.#child === undefined) throw new CaucusError('CAUCUS_CLOSED', 'the server of this trial was never started')
    return this.#child
  }

  /** Starts it, on the port it had before, and resolves once it listens. `prefix`: before the command, besides that of the trial. */
  async start({ prefix = [] }: { readonly prefix?: readonly string[] } = {}): Promise<void> {
    const child = this.launch({ prefix })
    const line = await waitFor('the server to say where it listens', () => {
      if (!child.isAlive) throw child.endedTooEarly()
      return /^listening on (https?:\/\/\S+)$/m.exec(child.output)?.[1]
    })
    this.#url = line
  }

  /** Starts it, and leaves it at that. */
  launch({ prefix = [], fresh = this.#url === '' }: { prefix?: readonly string[]; fresh?: boolean } = {}): Child {
    const house = this.#house
    const address = this.#url === '' ? `${this.#options.host ?? '127.0.0.1'}:0` : new URL(this.#url).host
    const command = [
      ...(this.#options.prefix ?? []),
      ...prefix,
      process.execPath,
      ...['--import', pathToFileURL(house.module('in-child')).href],
      ...[house.path('bin/caucus.js'), 'serve', '--listen', address, '--config', house.path('server.json')],
      ...['--data-dir', house.data],
      ...(fresh ? ['--fresh'] : []),
    ] as [string, ...string[]]
    this.#child = new Child({
      name: 'the server',
      command,
      output: house.path('server.log'),
      ...(this.#options.env && { env: this.#options.env }),
    })
    return this.#child
  }

  /** `kill -9`: no handler runs, nothing is said, nothing is flushed. */
  async kill(): Promise<void> {
    await this.#child?.stop('SIGKILL')
  }

  /** SIGTERM. Throws when it does not end in good order. */
  async stop(): Promise<void> {
    const ending = await this.#child?.stop('SIGTERM')
    if (ending !== undefined && ending.code !== 0) throw this.child.endedTooEarly()
  }
}
