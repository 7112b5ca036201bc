import { ATEDispatcher, Producer, ResultListener } from 'caucus/compat'
import { describe, expect, test } from 'vitest'
import { Hearing, Saying, world } from './ate-support.ts'

describe('bad input', () => {
  const refused = (call: () => unknown) => {
    expect(call).toThrow(expect.objectContaining({ code: 'CAUCUS_INVALID_ARGUMENT' }))
  }
  /** As a program without types would give it. */
  const untyped = <T>(value: unknown) => value as T

  test('is refused in the call, by name', () => {
    const { dispatcher } = world()
    for (const ttl of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, untyped<number>('5')]) {
      refused(() => dispatcher.sendRequest('t', [], { ttl }))
    }
    for (const topic of ['', 'a\nb', 'x'.repeat(129), untyped<string>(7)]) refused(() => dispatcher.sendRequest(topic))
    refused(() => dispatcher.sendRequest('t', untyped('abc')))
    refused(() => dispatcher.sendRequest('t', [], untyped(null)))
    refused(() => dispatcher.sendRequest('t', [], untyped([1])))
    refused(() => dispatcher.stop({ limitMs: 0 }))
    refused(() => dispatcher.stop(untyped({ limit: 1 })))
    const producer = new Saying(() => 1)
    const listener = new Hearing()
    refused(() => dispatcher.registerResultProducer(producer, ''))
    refused(() => dispatcher.registerResultProducer(producer, 't', { id: '' }))
    refused(() => dispatcher.registerResultProducer(untyped(listener), 't'))
    refused(() => dispatcher.registerResultListener(untyped(producer), 't'))
    refused(() => dispatcher.registerResultListener(untyped(undefined), 't'))
    refused(() => dispatcher.deregisterResultProducer(untyped({}), 't'))
    refused(() => dispatcher.deregisterResultListener(listener, ''))
    refused(() => new ATEDispatcher(untyped({ backand: 1 })))
    refused(() => new ATEDispatcher(untyped({ backend: 1 })))
    refused(() => new ATEDispatcher(untyped({ onError: 1 })))
    refused(() => new ATEDispatcher(untyped(null)))
  })

  test('a class without its method is refused when it is registered', () => {
    const { dispatcher } = world()
    refused(() => dispatcher.registerResultProducer(Reflect.construct(Producer, []), 't'))
    refused(() => dispatcher.registerResultListener(Reflect.construct(ResultListener, []), 't'))
  })

  test('whoever has been stopped cannot be registered', async () => {
    const { dispatcher } = world()
    const producer = new Saying(() => 1)
    const listener = new Hearing()
    await Promise.all([producer.stop(), listener.stop()])
    const closed = expect.objectContaining({ code: 'CAUCUS_CLOSED' })
    expect(() => dispatcher.registerResultProducer(producer, 't')).toThrow(closed)
    expect(() => dispatcher.registerResultListener(listener, 't')).toThrow(closed)
  })
})
