import type { BackendFactory } from 'caucus'
import type { CuttableLine } from 'caucus/testing'
import { FaultProxy } from '../../../src/testing/trial/fault-proxy.ts'

/** Ways to servers that can be cut: nothing passes any more, and nobody is told. What was on its way comes when they are healed. */
export const lines = (backendOf: (...urls: string[]) => BackendFactory) => {
  const proxies: FaultProxy[] = []
  return {
    to: async (...urls: readonly string[]): Promise<CuttableLine> => {
      const own = await Promise.all(urls.map((url) => FaultProxy.start(url)))
      proxies.push(...own)
      return {
        backend: backendOf(...own.map((proxy) => proxy.url)),
        cut: async () => {
          for (const proxy of own) {
            await proxy.welcome('mute')
            proxy.abandon()
          }
        },
        heal: async () => {
          await Promise.all(own.map((proxy) => proxy.heal()))
        },
      }
    },
    close: async () => {
      await Promise.all(proxies.map((proxy) => proxy.close()))
    },
  }
}
