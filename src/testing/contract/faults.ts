import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { above, eventually, like, same, seen } from './assertions.ts'
import { highest, SHARE, watchBeliefs, whole } from './beliefs.ts'
import type { Contract } from './contract.ts'
import { candidates } from './elections.ts'
import { ADDRESS } from './registry.ts'
import type { Tell } from './stage.ts'

/** What is promised while things break that the subject knows how to break. What a crash of the coordinator does stands in a file of its own. */
export const tellFaults = (tell: Tell, { guarantees, leaseMs = 1_000 }: Contract): void => {
  const { exclusion, survivesPartition } = guarantees
  const excludes = exclusion === 'none' ? 'it promises no exclusion' : undefined
  const goesOn = survivesPartition ? undefined : 'it does not promise to survive a partition'

  tell(
    'one that is cut off stops by its own clock, before another one has what it had, and is back once it is heard again',
    async ({ subject, caucus, connect, name }) => {
      const line = await subject.cutOff?.()
      assert.ok(line)
      const far = await connect({ through: line.backend })
      const [p, e] = [name('p'), name('e')]
      const tenure = await far.election(e).campaign({ id: 'far' })
      const next = caucus.election(e).campaign({ id: 'near' })
      const b = await far.group(p).join({ id: 'b', share: SHARE })
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      await whole([a, b])
      await candidates(caucus, e, 2)
      const epoch = highest([a, b])
      const beliefs = watchBeliefs([a, b])

      await line.cut()
      await seen(a, ({ partitions }) => partitions.length === SHARE.partitions)
      same([b.partitions, b.slot], [[], undefined])
      const second = await next
      same([tenure.held, tenure.signal.aborted], [false, true])
      above(second.token, tenure.token)

      await line.heal()
      await whole([a, b])
      beliefs.stop()
      assert.equal(b.state, 'member')
      const back = Math.min(...b.partitions.map((each) => b.epoch(each) ?? 0))
      above(back, epoch, 'the epoch at which it has something again')
    },
    { needs: 'cutOff', unless: excludes },
  )

  tell(
    'servers that are stopped for longer than a lease are believed by nobody, and once they are back all is whole by itself',
    async ({ subject, caucus, other, name }) => {
      const [p, e, s] = [name('p'), name('e'), name('s')]
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      const b = await other.group(p).join({ id: 'b', share: SHARE })
      const tenure = await caucus.election(e).campaign({ id: 'a' })
      const registration = await caucus.service(s).register({ ...ADDRESS, id: 'a' })
      await whole([a, b])
      const epoch = highest([a, b])
      let changed = Promise.resolve()
      const stoppedMs = performance.now()
      const start = await subject.stopServers?.()
      assert.ok(start)
      try {
        const believed = () => a.partitions.length + b.partitions.length > 0 || tenure.held
        await eventually('everybody to stop by its own clock', () => !believed())
        assert.equal(tenure.signal.aborted, true)
        await eventually('the registration to be doubted', () => registration.state === 'unconfirmed')
        await sleep(stoppedMs + leaseMs * 1.1 - performance.now())
        assert.equal(believed(), false)
        changed = registration.update({ port: 2 })
        // Whether it was heard is asked below; before that it is nobody's failure.
        changed.catch(() => undefined)
      } finally {
        await start()
      }
      await whole([a, b])
      if (exclusion === 'fenced') above(highest([a, b]), epoch - 1, 'the highest epoch')
      const { token } = await other.election(e).campaign({ id: 'b' })
      if (exclusion === 'fenced') above(token, tenure.token)
      // Also with what was said of it while nobody was there to hear it.
      await changed
      assert.equal(registration.state, 'registered')
      like(await other.service(s).instances(), [{ id: 'a', port: 2 }])
    },
    { needs: 'stopServers' },
  )

  tell(
    'whichever machine is cut off from the others, the others go on',
    async ({ subject, caucus, other, connect, name }) => {
      const [p, e] = [name('p'), name('e')]
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      const b = await other.group(p).join({ id: 'b', share: SHARE })
      const tenure = await caucus.election(e).campaign({ id: 'a' })
      await whole([a, b])
      const heal = await subject.isolate?.()
      assert.ok(heal)
      try {
        const c = await (await connect()).group(p).join({ id: 'c', share: SHARE })
        await whole([a, b, c])
        await tenure.resign()
        above((await other.election(e).campaign({ id: 'b' })).token, tenure.token)
        await heal()
        await c.leave()
        await whole([a, b])
      } finally {
        await heal()
      }
    },
    { needs: 'isolate', unless: goesOn },
  )
}
