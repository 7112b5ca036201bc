import { expect, test } from 'vitest'
import { audit, compare, firstBelow, openShop } from '../../../examples/topic-prices.ts'
import { settled } from './topic-support.ts'
import { world } from './world.ts'

test('the price comparison names who is silent, calls off who is not needed, and keeps its log', async () => {
  const { connect, within } = world()
  const caucus = await connect()
  expect(await compare(caucus, 'milk', 'de', 300)).toBe('no shop of de is open')

  const lines: string[] = []
  audit(caucus, async (line) => void lines.push(line))
  const calledOff: string[] = []
  const silent = (_sku: string, signal: AbortSignal) =>
    new Promise<number>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        calledOff.push('silent')
        reject(signal.reason)
      })
    })
  const de = { country: 'de' }
  openShop(caucus, 'dear', async () => 120, de)
  openShop(caucus, 'cheap', async () => 99, de)
  openShop(caucus, 'broken', async () => Promise.reject(new Error('database gone')), de)
  openShop(caucus, 'wrong', async () => -5, de)
  openShop(caucus, 'silent', silent, de)
  openShop(caucus, 'abroad', async () => 1, { country: 'fr' })

  expect(await within(310, compare(caucus, 'milk', 'de', 300))).toEqual({
    offers: [
      { shop: 'cheap', cents: 99 },
      { shop: 'dear', cents: 120 },
    ],
    failed: expect.arrayContaining([
      'broken: the handler failed: database gone',
      'wrong: the reply does not fit: a price is whole cents above 0',
    ]),
    missing: ['silent'],
  })
  expect(await firstBelow(caucus, 'milk', 1, 300)).toBe('abroad')
  await settled()
  expect(calledOff).toEqual(['silent', 'silent'])
  expect(lines.slice(0, 2).sort()).toEqual(['cheap offers 99', 'dear offers 120'])
})
