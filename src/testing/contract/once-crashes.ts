import assert from 'node:assert/strict'
import type { Caucus } from '../../index.ts'
import { above, codeOf, same } from './assertions.ts'
import type { Contract } from './contract.ts'
import { heldWork, never, soon } from './once.ts'
import type { Tell } from './stage.ts'

/** Resolves once something coordinates: instants from now on are after its start, and not refused for that. */
const coordinated = async (caucus: Caucus, group: string): Promise<void> => {
  const membership = await caucus.group(group).join()
  await membership.settled()
  await membership.leave()
}

/** What is promised of `once()` when whatever coordinates ends without a word. */
export const tellOnceCrashes = (tell: Tell, { guarantees }: Contract): void => {
  const remembers = guarantees.survivesRestart ? undefined : 'it does not promise to survive a restart'

  tell(
    'a run goes on over a crash of what coordinates, its end is told to those who wait, and what was run before is not run again',
    async ({ subject, caucus, other, name }) => {
      const [over, job] = [name('over'), name('job')]
      await coordinated(other, name('before'))
      const before = soon()
      const tokens: number[] = []
      assert.equal((await caucus.once(over, before, ({ token }) => void tokens.push(token))).ran, true)
      const at = soon()
      const { work, began, end } = heldWork()
      const running = caucus.once(job, at, work)
      const { signal } = await began
      const waiting = other.once(job, at, never)
      await subject.crashCoordinator?.()
      await coordinated(other, name('after'))
      assert.equal(signal.aborted, false)
      end('sent')
      same(await running, { ran: true, value: 'sent' })
      same(await waiting, { ran: false, because: 'done' })
      same(await other.once(job, at, never), { ran: false, because: 'done' })
      assert.equal(await codeOf(caucus.once(over, before, never)), 'CAUCUS_ONCE_UNKNOWN')
      assert.equal((await caucus.once(over, soon(), ({ token }) => void tokens.push(token))).ran, true)
      above(tokens[1], tokens[0])
    },
    { needs: 'crashCoordinator', unless: remembers },
  )
}
