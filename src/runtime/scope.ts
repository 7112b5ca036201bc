import { CaucusError } from '../errors.ts'

type Release = () => unknown

const releaseOf = (resource: Disposable | AsyncDisposable): Release =>
  Symbol.asyncDispose in resource ? () => resource[Symbol.asyncDispose]() : () => resource[Symbol.dispose]()

/**
 * An owner: whatever it owns is disposed with it, last in first out, each after the one before has finished.
 *
 * An error in one does not keep the others from being disposed; all of them come in one `AggregateError`. Disposing twice disposes
 * once and gives the same promise. Nothing that is owned may wait for its owner's disposal, since that waits for it.
 */
export class Scope implements AsyncDisposable {
  readonly #owned: Release[] = []
  readonly #controller = new AbortController()
  #disposal: Promise<void> | undefined
  #over = false

  /** Aborts when disposal begins, with `CAUCUS_CLOSED`. */
  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /**
   * Owns `resource` and gives it back. While the scope is being disposed, it is disposed along with the rest; of a scope that is
   * over, the resource is disposed at once and `CAUCUS_CLOSED` thrown, so that what was opened meanwhile is not left behind.
   */
  use<Resource extends Disposable | AsyncDisposable>(resource: Resource): Resource {
    this.defer(releaseOf(resource))
    return resource
  }

  /** Runs `release` at disposal. As with `use`, it runs at once when the scope is over. */
  defer(release: () => unknown): void {
    if (!this.#over) {
      this.#owned.push(release)
      return
    }
    // Nobody is left to take an error of an asynchronous release: it surfaces as an unhandled rejection, which is loud, as it should be.
    release()
    throw new CaucusError('CAUCUS_CLOSED', 'the scope has been disposed; open a new one')
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#disposal ??= this.#dispose()
    return this.#disposal
  }

  async #dispose(): Promise<void> {
    this.#controller.abort(new CaucusError('CAUCUS_CLOSED', 'the scope is being disposed'))
    const errors: unknown[] = []
    for (let release = this.#owned.pop(); release !== undefined; release = this.#owned.pop()) {
      try {
        await release()
      } catch (error) {
        errors.push(error)
      }
    }
    this.#over = true
    if (errors.length > 0)
      throw new AggregateError(errors, `${errors.length} of what the scope owned failed to be disposed`)
  }
}
