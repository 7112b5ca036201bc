import { expect, test } from 'vitest'
import { FOUR, Table } from './table.ts'

test('a group at a glance says as much of its members as is seen in a bar, and no more of many', () => {
  const table = new Table()
  table.sit('ann', FOUR, { static: true })
  table.sit('bob', FOUR)
  table.pass(400)
  const { groups, ...about } = table.coordinator.brief()
  const { groups: pictures, ...seen } = table.coordinator.view()
  expect(about).toEqual(seen)
  expect(groups).toEqual([
    {
      ...{ name: 'g', state: 'settled', epoch: pictures[0]?.epoch, total: 2, share: FOUR, members: 2 },
      holders: [
        { id: 'ann', items: 2 },
        { id: 'bob', items: 2 },
      ],
    },
  ])
  table.leave('ann')
  table.pass(300)
  expect(table.coordinator.brief().groups[0]).toMatchObject({
    total: 2,
    members: 1,
    holders: [{ id: 'bob', items: 2 }],
  })
})

test('of a hundred members the first are named, and the others are one number', () => {
  const table = new Table()
  for (let i = 0; i < 30; i++) table.sit(`member${i}`, 'index')
  table.pass(400)
  const [brief] = table.coordinator.brief().groups
  expect(brief?.holders).toHaveLength(24)
  expect(brief).toMatchObject({
    members: 30,
    others: 6,
    holders: [{ id: 'member0', items: 1 }, ...Array(23).fill({ items: 1 })],
  })
})

test('poll clients and who has nothing yet are counted, and hold nothing', () => {
  const table = new Table()
  table.sit('ann', FOUR)
  expect(table.coordinator.brief().groups).toMatchObject([{ name: 'g', state: 'settling', members: 1, holders: [] }])
})
