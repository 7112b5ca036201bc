import { connect, type Leader, remote } from 'caucus'
import { expect, onTestFinished, test } from 'vitest'
import { codeOf } from '../../src/testing/contract/assertions.ts'
import { serve, TIMING } from './server.ts'

const client = async (url: string) => {
  const caucus = await connect(remote([url], { timing: TIMING }))
  onTestFinished(() => caucus.close())
  return caucus
}

const server = async (options: Parameters<typeof serve>[0] = {}) => {
  const served = await serve(options)
  onTestFinished(() => served.close())
  return served
}

const first = async (leaders: AsyncIterable<Leader | undefined>, matches: (leader: Leader | undefined) => boolean) => {
  for await (const leader of leaders) if (matches(leader)) return leader
  throw new Error('nobody like that came to lead')
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

test('a leader that an operator drains finishes its work, and leads again when it may, after those who waited', async () => {
  const { url, hosting } = await server()
  const [one, other] = [await client(url), await client(url)]
  const told: string[] = []
  const leading = one.election('e').lead(
    async ({ signal, token }) => {
      told.push('a leads')
      if (told.length > 1) return token
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      told.push('a is asked')
      await pause(300)
      told.push('a has finished')
      throw signal.reason
    },
    { id: 'a' },
  )
  await first(other.election('e').observe(), (leader) => leader?.id === 'a')
  const next = other.election('e').campaign({ id: 'b' })
  await pause(100)
  await hosting.order('election/e', { type: 'drain', member: 'a' })
  const b = await next
  told.push('b leads')
  expect(told).toEqual(['a leads', 'a is asked', 'a has finished', 'b leads'])
  expect(hosting.viewOf('election/e')?.members).toMatchObject([
    { id: 'b', leads: true },
    { id: 'a', drained: true },
  ])
  await b.resign()
  await pause(300)
  expect(await one.election('e').leader()).toBeUndefined()
  await hosting.order('election/e', { type: 'undrain', member: 'a' })
  expect(await leading).toBeGreaterThan(b.token)
})

test('an election is neither frozen nor pinned', async () => {
  const { url, hosting } = await server()
  await (await client(url)).election('e').campaign({ id: 'a' })
  expect(await codeOf(hosting.order('election/e', { type: 'freeze' }))).toBe('CAUCUS_CONFLICT')
  expect(await codeOf(hosting.order('election/e', { type: 'pin', partition: 0, member: 'a' }))).toBe('CAUCUS_CONFLICT')
})

test('a leader that is removed is told, and nobody else leads before its lease has run out', async () => {
  const { url, hosting } = await server()
  const a = await (await client(url)).election('e').campaign({ id: 'a' })
  const next = (await client(url)).election('e').campaign({ id: 'b' })
  await pause(100)
  expect(hosting.evict('election/e', 'a')).toBe(true)
  expect((await next).token).toBeGreaterThan(a.token)
  expect(a.signal.reason).toMatchObject({ code: 'CAUCUS_FENCED' })
})
