import type { Membership, Tenure } from '../../index.ts'
import { above, ownedByOne, same, seen } from './assertions.ts'
import { Fences, SHARE, watchBeliefs } from './beliefs.ts'
import type { Contract } from './contract.ts'
import type { Tell } from './stage.ts'

/** What a backend says of itself is so, as far as its behaviour can show it. What takes a fault to show stands with the faults. */
export const tellGuarantees = (tell: Tell, { guarantees }: Contract): void => {
  const { exclusion } = guarantees
  const excludes = exclusion === 'none' ? 'it promises no exclusion' : undefined

  tell('it promises what it can keep', async ({ caucus }) => {
    same(caucus.guarantees, guarantees)
  })

  tell(
    'no two members believe to have the same while others come and go',
    async ({ caucus, other, name }) => {
      const b = name('b')
      const members: Membership[] = []
      const beliefs = watchBeliefs(members)
      const join = async (id: string, through: typeof caucus) => {
        const member = await through.group(b).join({ id, share: SHARE })
        members.push(member)
        return member
      }
      const first = await join('a', caucus)
      await seen(first, ({ partitions }) => partitions.length === 6)
      const second = await join('b', other)
      const third = await join('c', caucus)
      await seen(third, ({ partitions }) => partitions.length === 2)
      await second.leave()
      await seen(first, ({ partitions }) => partitions.length === 3)
      await first.leave()
      await seen(third, ({ partitions }) => partitions.length === 6)
      beliefs.stop()
      ownedByOne([third])
    },
    { unless: excludes },
  )

  tell(
    'tokens rise over all who lead, however one ended and the next one came',
    async ({ caucus, connect, name }) => {
      const e = name('e')
      const tokens: number[] = []
      const led = ({ token }: Tenure) => {
        above(token, tokens.at(-1) ?? 0)
        tokens.push(token)
      }
      const first = await caucus.election(e).campaign({ id: 'a' })
      led(first)
      await first.resign()
      const second = await caucus.election(e).campaign({ id: 'a' })
      led(second)
      await second.resign()
      const own = await connect()
      led(await own.election(e).campaign({ id: 'b' }))
      await own.close()
      led(await caucus.election(e).campaign({ id: 'c' }))
    },
    { unless: excludes },
  )

  tell(
    'epochs rise over all who hold a partition, and over all views of an index',
    async ({ caucus, other, name }) => {
      const p = name('p')
      const fences = new Fences()
      const a = await caucus.group(p).join({ id: 'a', share: SHARE })
      await seen(a, ({ partitions }) => partitions.length === 6)
      fences.look('the first a', a)
      const b = await other.group(p).join({ id: 'b', share: SHARE })
      await seen(b, ({ partitions }) => partitions.length === 3)
      fences.look('the first a', a)
      fences.look('b', b)
      await a.leave()
      await seen(b, ({ partitions }) => partitions.length === 6)
      fences.look('b', b)
      await b.leave()
      // Nobody is there any more who could say what there was.
      const again = await caucus.group(p).join({ id: 'a', share: SHARE })
      await seen(again, ({ partitions }) => partitions.length === 6)
      fences.look('the second a', again)

      const i = name('i')
      const one = await caucus.group(i).join({ id: 'one' })
      const alone = await seen(one, ({ slot }) => slot?.total === 1)
      const two = await other.group(i).join({ id: 'two' })
      const both = await seen(one, ({ slot }) => slot?.total === 2)
      above(both.slot?.epoch, alone.slot?.epoch, 'the epoch of a view')
      await seen(two, ({ slot }) => slot?.total === 2)
      await one.leave()
      const last = await seen(two, ({ slot }) => slot?.total === 1)
      above(last.slot?.epoch, both.slot?.epoch, 'the epoch of a view')
    },
    { unless: excludes },
  )
}
