import { describe, expect, test } from 'vitest'
import { type Key, keysIn } from '../../../../src/cli/top/keys.ts'
import {
  cursorIn,
  FIRST_LOOK,
  inOrder,
  type Looking,
  lookAfter,
  membersInOrder,
} from '../../../../src/cli/top/looking.ts'
import { group, member } from './states.ts'

const around = { names: ['a', 'b', 'c', 'd'], members: 50, page: 2 }
const pressed = (keys: readonly Key[], from: Looking = FIRST_LOOK): Looking =>
  keys.reduce((looking, key) => lookAfter(key, looking, around), from)

describe('keys', () => {
  test('choose a group, and do not leave the list', () => {
    expect(pressed(['down']).chosen).toBe('b')
    expect(pressed(['down', 'down', 'up']).chosen).toBe('b')
    expect(pressed(['up']).chosen).toBe('a')
    expect(pressed(['last', 'down']).chosen).toBe('d')
    expect(pressed(['pageDown']).chosen).toBe('c')
    expect(pressed(['last', 'first']).chosen).toBe('a')
  })

  test('open it, scroll its members, and go back to where they were', () => {
    const opened = pressed(['down', 'open'])
    expect(opened).toMatchObject({ chosen: 'b', opened: 'b', above: 0 })
    expect(pressed(['down', 'pageDown', 'up', 'up', 'up'], opened).above).toBe(0)
    expect(pressed(['last', 'down'], opened).above).toBe(49)
    const back = pressed(['last', 'back'], opened)
    expect(back).toMatchObject({ chosen: 'b', above: 0 })
    expect(back.opened).toBeUndefined()
  })

  test('do nothing in an empty list', () => {
    const nothing = { names: [], members: 0, page: 5 }
    for (const key of ['up', 'down', 'open', 'pageDown', 'last', 'back', 'quit'] as const) {
      expect(lookAfter(key, FIRST_LOOK, nothing)).toEqual(FIRST_LOOK)
    }
  })

  test('sort what is shown, groups and members by themselves', () => {
    expect(pressed(['sort']).groupOrder).toBe('state')
    expect(pressed(['sort', 'sort', 'sort', 'sort']).groupOrder).toBe('name')
    expect(pressed(['open', 'sort'])).toMatchObject({ groupOrder: 'name', memberOrder: 'id' })
    expect(pressed(['reverse']).reversed).toBe(true)
  })

  test('mean the group under the cursor wherever it has moved to, and the first when it is gone', () => {
    const looking = { ...FIRST_LOOK, chosen: 'c' }
    expect(cursorIn(['c', 'a', 'b'], looking)).toBe(0)
    expect(cursorIn(['a', 'b'], looking)).toBe(0)
  })

  test.each<[string, readonly Key[]]>([
    ['\x1b[A\x1b[B', ['up', 'down']],
    ['\x1bOA', ['up']],
    ['jk', ['down', 'up']],
    ['\x1b[5~\x1b[6~', ['pageUp', 'pageDown']],
    ['\r', ['open']],
    ['\x1b', ['back']],
    ['q', ['quit']],
    ['\x03', ['interrupt']],
    // F5, a mouse that moves, and a letter that nobody asked for: no part of them is a key.
    ['\x1b[15~\x1b[<35;1;1Mzx', []],
    ['長\ud800', []],
  ])('%j are read from what a terminal sends', (input, keys) => {
    expect(keysIn(input)).toEqual(keys)
  })
})

describe('the order', () => {
  const groups = [
    group('b', { members: [member('x')], share: { partitions: 2 } }),
    group('election/a', { share: 'tenure' }),
    group('c', { state: 'settling', members: [member('x', { index: 1 }), member('y', { index: 2 })] }),
    group('service/s', { share: 'none' }),
  ]
  const names = (looking: Partial<Looking>) =>
    inOrder(groups, { ...FIRST_LOOK, ...looking }).shared.map(({ name }) => name)

  test('of groups is that of the name by which people know them', () => {
    expect(names({})).toEqual(['election/a', 'b', 'c'])
    expect(names({ reversed: true })).toEqual(['c', 'b', 'election/a'])
  })
  test('puts first what one looks for', () => {
    expect(names({ groupOrder: 'state' })).toEqual(['c', 'b', 'election/a'])
    expect(names({ groupOrder: 'members' })).toEqual(['c', 'b', 'election/a'])
    expect(names({ groupOrder: 'moves' })).toEqual(['b', 'c', 'election/a'])
  })
  test('of services is by name, apart from the groups', () => {
    expect(inOrder(groups, FIRST_LOOK).services.map(({ name }) => name)).toEqual(['service/s'])
  })
  test('of members is the server’s, or by id, load or epoch', () => {
    const members = [
      member('b', { partitions: [1], epoch: 1 }),
      member('a', { partitions: [2], epoch: 3 }),
      member('c', { partitions: [3, 4], epoch: 2 }),
    ]
    const ids = (memberOrder: Looking['memberOrder']) =>
      membersInOrder(group('g', { members }), { ...FIRST_LOOK, memberOrder }).map(({ id }) => id)
    expect(ids('place')).toEqual(['b', 'a', 'c'])
    expect(ids('id')).toEqual(['a', 'b', 'c'])
    expect(ids('load')).toEqual(['c', 'b', 'a'])
    expect(ids('epoch')).toEqual(['a', 'c', 'b'])
  })
})
