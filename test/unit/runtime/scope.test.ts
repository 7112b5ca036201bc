import { describe, expect, it } from 'vitest'
import { Scope } from '../../../src/runtime/scope.ts'

describe('a scope', () => {
  it('disposes what it owns in reverse order, each after the one before has finished', async () => {
    const log: string[] = []
    {
      await using scope = new Scope()
      scope.defer(() => log.push('opened first'))
      scope.use({ [Symbol.dispose]: () => void log.push('synchronous') })
      const given = {
        [Symbol.asyncDispose]: async () => {
          log.push('slow begins')
          await Promise.resolve()
          log.push('slow ends')
        },
      }
      expect(scope.use(given)).toBe(given)
      scope.signal.addEventListener('abort', () => log.push('signal'))
    }
    expect(log).toEqual(['signal', 'slow begins', 'slow ends', 'synchronous', 'opened first'])
  })

  it('disposes once, however often it is asked', async () => {
    const scope = new Scope()
    let disposed = 0
    scope.defer(() => disposed++)
    const first = scope[Symbol.asyncDispose]()
    expect(scope[Symbol.asyncDispose]()).toBe(first)
    await first
    await scope[Symbol.asyncDispose]()
    expect(disposed).toBe(1)
    expect(scope.signal.reason).toMatchObject({ code: 'CAUCUS_CLOSED' })
  })

  it('disposes everything although some of it fails, and reports all errors', async () => {
    const scope = new Scope()
    let disposed = false
    scope.defer(() => {
      disposed = true
    })
    scope.defer(() => Promise.reject(new Error('later')))
    scope.defer(() => {
      throw new Error('at once')
    })
    const error = await scope[Symbol.asyncDispose]().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(AggregateError)
    expect((error as AggregateError).errors.map(String)).toEqual(['Error: at once', 'Error: later'])
    expect(disposed).toBe(true)
  })

  it('takes what was opened while it was being disposed, and disposes it too', async () => {
    const scope = new Scope()
    let disposed = false
    scope.defer(() => {
      scope.defer(() => {
        disposed = true
      })
    })
    await scope[Symbol.asyncDispose]()
    expect(disposed).toBe(true)
  })

  it('does not leave behind what comes after its end: disposes it and refuses', async () => {
    const scope = new Scope()
    await scope[Symbol.asyncDispose]()
    let disposed = false
    const late = {
      [Symbol.dispose]: () => {
        disposed = true
      },
    }
    expect(() => scope.use(late)).toThrow(expect.objectContaining({ code: 'CAUCUS_CLOSED' }))
    expect(disposed).toBe(true)
  })
})
