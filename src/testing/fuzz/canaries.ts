import { pathToFileURL } from 'node:url'
import { Child } from '../trial/child.ts'
import type { House } from '../trial/house.ts'
import { waitFor } from '../trial/wait.ts'
import type { CanaryOrder, FromCanary } from './canary.ts'
import { CANARY_TIMING } from './server.ts'
import { type Mode, TOKENS } from './world.ts'

/** The process in which the canaries live: apart from the fuzzer, which is busy. */
export class Canaries {
  readonly #child: Child
  readonly #faults: string[] = []
  #isSettled = false
  #looks: number | undefined

  /** Resolves once each of them has its share. */
  static async start(house: House, url: string, mode: Mode): Promise<Canaries> {
    const canaries = new Canaries(
      house,
      { url, token: mode === 'closed' ? TOKENS.canary : undefined, timing: CANARY_TIMING },
      mode,
    )
    try {
      await waitFor('the canaries to have their shares', () => {
        if (!canaries.#child.isAlive) throw canaries.#child.endedTooEarly()
        return canaries.#isSettled
      })
      return canaries
    } catch (error) {
      await canaries.stop()
      throw error
    }
  }

  private constructor(house: House, order: CanaryOrder, mode: Mode) {
    this.#child = new Child({
      name: 'the canaries',
      command: [
        ...[process.execPath, '--import', pathToFileURL(house.module('in-child')).href],
        ...[house.path('dist/testing/fuzz/canary.js'), JSON.stringify(order)],
      ] as [string, ...string[]],
      output: house.path(`canaries-${mode}.log`),
    })
    this.#child.onMessage((said) => {
      const message = said as FromCanary
      if (message.type === 'settled') this.#isSettled = true
      else if (message.type === 'compared') this.#looks = message.looks
      else this.#faults.push(`a canary was disturbed: ${message.what}`)
    })
  }

  faults(): readonly string[] {
    if (!this.#child.isAlive && this.#faults.length === 0) this.#faults.push(this.#child.endedTooEarly().message)
    return this.#faults
  }

  /** Resolves with how often they have looked, once each has compared what it has with what it had. */
  async compare(): Promise<number> {
    this.#looks = undefined
    this.#child.signal('SIGUSR2')
    return waitFor('the canaries to compare', () => (this.#child.isAlive ? this.#looks : 0))
  }

  async stop(): Promise<void> {
    await this.#child.stop('SIGKILL')
  }
}
