import { describe, expect, test } from 'vitest'
import { Table } from './table.ts'

describe('a first start', () => {
  test('waits for everybody: two of three found nothing', () => {
    const table = new Table()
    table.start('v0')
    table.start('v1')
    table.pass(5_000)
    expect(table.leaders).toEqual([])
    expect(table.view('v0')).toMatchObject({ role: 'new', waitingFor: ['v2'] })
  })

  test('founds once all are there, with the highest base that any of them put forward', () => {
    const table = Table.led()
    const foundings = table.ids.map((id) => table.seat(id).disk?.founding)
    expect(foundings[0]?.base).toBe(1003)
    expect(foundings[1]).toEqual(foundings[0])
    expect(foundings[2]).toEqual(foundings[0])
  })

  test('lets nobody vote before everybody has adopted what was founded', () => {
    const table = new Table()
    table.slow.add('v2')
    for (const id of table.ids) table.start(id)
    table.pass(100)
    table.write('v2')
    table.pass(5_000)
    // v2 said that it is new, and what it adopted is not on its disk.
    expect(table.view('v0').role).toBe('new')
    expect(table.leaders).toEqual([])
    for (let n = 0; n < 3; n++) table.write('v2')
    table.slow.clear()
    table.pass(700)
    expect(table.leaders).toHaveLength(1)
  })

  test('is not undone by a restart in the middle of it', () => {
    const table = new Table()
    for (const id of table.ids) table.start(id)
    table.deliver()
    for (const id of table.ids) table.start(id, { disk: table.crash(id) })
    table.pass(1_000)
    expect(table.leaders).toHaveLength(1)
  })

  test('with a disk lost in the middle of it has no two clusters, and says who is in the way', () => {
    const table = new Table()
    for (const id of table.ids) table.start(id)
    const said = table.intercept()
    // v0 has seen everybody and founds; v2 has seen v0 only.
    for (const one of said) if (one.to === 'v0' || (one.from === 'v0' && one.to === 'v2')) table.hand(one)
    table.crash('v1')
    table.start('v1')
    for (const one of table.intercept()) if (one.from === 'v1' && one.to === 'v2') table.hand(one)
    const foundings = () => ['v0', 'v2'].map((id) => table.seat(id).disk?.founding?.original[1]?.storeId)
    table.pass(5_000)
    expect(new Set(foundings()).size).toBe(2)
    expect(table.leaders).toEqual([])
    expect(table.view('v0')).toMatchObject({ role: 'new', waitingFor: ['v1', 'v2'] })
    expect(table.view('v1')).toMatchObject({ role: 'new', waitingFor: ['v0'] })
    expect(table.view('v2')).toMatchObject({ role: 'new', waitingFor: ['v0'] })
  })
})

describe('a voter whose disk is lost', () => {
  test('is back once all others have heard of it, and sits out what it may have promised', () => {
    const table = Table.led()
    table.crash('v2')
    table.pass(400)
    table.start('v2', { disk: undefined })
    table.pass(100)
    expect(table.view('v2')).toMatchObject({ role: 'sittingOut', leader: { id: 'v0' } })
    expect(table.said('v2')).toContain('voter.rejoined')
    const stores = table.seat('v0').disk?.founding?.stores
    expect(stores?.find(({ id }) => id === 'v2')?.storeId).toBe('store-4')
  })

  test('is not back while one of the others is away, however many answer', () => {
    const table = Table.led({ voters: 5 })
    table.crash('v4')
    table.crash('v3')
    table.pass(400)
    table.start('v4', { disk: undefined })
    table.pass(5_000)
    expect(table.view('v4')).toMatchObject({ role: 'rejoining', waitingFor: ['v0', 'v1', 'v2', 'v3'] })
    // Nobody has put it in its own place yet either.
    expect(table.seat('v0').disk?.founding?.retired).toEqual([])
  })

  test('votes only above the highest term: it may have voted in that one', () => {
    const table = Table.led()
    table.crash('v2')
    table.pass(400)
    table.start('v2', { disk: undefined })
    table.pass(60)
    table.isolate('v0')
    table.deliver()
    table.now += 301
    table.say('v1', 'v2', { type: 'vote', term: 1, round: 1 })
    table.say('v1', 'v2', { type: 'vote', term: 2, round: 2 })
    const votes = table.intercept().map(({ message }) => 'granted' in message && message.granted)
    expect(votes).toEqual([false, true])
  })

  test('does not take part when another disk is empty, too', () => {
    const table = Table.led()
    table.crash('v1')
    table.crash('v2')
    table.pass(400)
    table.start('v1', { disk: undefined })
    table.start('v2', { disk: undefined })
    table.pass(5_000)
    expect(table.view('v1').waitingFor).not.toEqual([])
    expect(table.view('v2').waitingFor).not.toEqual([])
    expect(table.leaders).toEqual([])
  })

  test('cannot take the place of one that lives', () => {
    const table = Table.led()
    const place = table.seat('v2')
    table.pass(30)
    table.say('v2', 'v0', { type: 'rejoin', nonce: 'n', commit: true }, { storeId: 'another', bootId: 'another' })
    expect(table.intercept().map(({ message }) => message)).toMatchObject([{ type: 'refused', because: 'placeTaken' }])
    expect(place.machine.view().role).toBe('follower')
  })

  test('does not come back with a store that was replaced before, whatever late message asks for it', () => {
    const table = Table.led()
    table.crash('v2')
    table.pass(400)
    table.start('v2', { disk: undefined })
    table.pass(60)
    table.say('v2', 'v0', { type: 'rejoin', nonce: 'n', commit: true }, { storeId: 'store-3' })
    expect(table.intercept().map(({ message }) => message)).toMatchObject([
      { type: 'refused', because: 'anotherStore' },
    ])
  })
})

describe('who does not belong here', () => {
  const refused = (table: Table, sender: object): unknown => {
    table.deliver()
    table.say('v2', 'v1', { type: 'vote', term: 2, round: 1 }, sender)
    return table.intercept().map(({ message }) => ('because' in message ? message.because : message.type))
  }

  test.each([
    ['of another cluster', { cluster: 'staging' }, 'anotherCluster'],
    ['with other voters in its configuration', { voters: '["v0","v1"]' }, 'otherVoters'],
    ['with another store than the one that is known', { storeId: 'copied' }, 'anotherStore'],
    ['of another founding', { founding: '7/a/b/c' }, 'anotherFounding'],
    ['that is in nobody’s configuration', { id: 'v9' }, 'notAVoter'],
    ['under the very id of who is asked', { id: 'v1', bootId: 'v1#99' }, 'ownId'],
  ])('a peer %s is refused, told so, and reported once', (_what, sender, because) => {
    const table = Table.led()
    expect(refused(table, sender)).toEqual([because])
    refused(table, sender)
    expect(table.said('v1').filter((event) => event === 'peer.refused')).toHaveLength(1)
    expect(table.view('v1').term).toBe(1)
  })

  test('an echo of its own words is no rival', () => {
    const table = Table.led()
    expect(refused(table, { id: 'v1', bootId: table.seat('v1').bootId })).toEqual([])
  })

  test('a voter that is refused knows by whom and why', () => {
    const table = Table.led()
    table.say('v2', 'v1', { type: 'refused', because: 'anotherStore' })
    expect(table.view('v1').refusedBy.get('v2')).toBe('anotherStore')
  })
})

test('a voter that finds the directory of another one does nothing at all', () => {
  const table = Table.led()
  const disk = table.seat('v0').disk
  table.crash('v1')
  table.start('v1', { disk })
  table.pass(1_000)
  expect(table.view('v1').role).toBe('idle')
  expect(table.said('v1')).toEqual(['voter.refused'])
})

test('the stored voters count, not a file that was changed on one machine', () => {
  const table = Table.led()
  const disk = table.crash('v1')
  table.start('v1', { disk, voters: ['v1'] })
  expect(table.view('v1').voters).toEqual(['v0', 'v1', 'v2'])
  expect(table.said('v1')).toContain('configuration.ignored')
})
