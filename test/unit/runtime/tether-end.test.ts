import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { TetherEnd } from '../../../src/runtime/tether-end.ts'
import { addressesOf } from '../../../src/wire/peers/tether.ts'

let server: Server
let near: Socket
let far: Socket
beforeEach(async () => {
  server = createServer({ allowHalfOpen: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  near = connect({ port: typeof address === 'object' && address !== null ? address.port : 0, host: '127.0.0.1' })
  const [accepted] = await once(server, 'connection')
  far = accepted
  far.on('error', () => undefined)
  if (near.connecting) await once(near, 'connect')
})
afterEach(() => {
  near.destroy()
  far.destroy()
  server.close()
})

/** What the tether on the near socket says, once it says something. */
const told = (head = Buffer.alloc(0)) => {
  const end = new TetherEnd(near, head)
  // The test itself has to be kept alive by somebody.
  near.ref()
  const first = new Promise<string>((resolve) => {
    end.watch({ ended: () => resolve('ended'), lost: () => resolve('lost') })
  })
  return { end, first }
}

describe('one end of a tether', () => {
  test('hears that the other side has ended it in order, and stays open itself', async () => {
    const { first } = told()
    far.end()
    expect(await first).toBe('ended')
    expect(near.writable).toBe(true)
  })

  test('learns nothing from a reset', async () => {
    const { first } = told()
    far.resetAndDestroy()
    expect(await first).toBe('lost')
  })

  test('is worthless once something arrives on it', async () => {
    const { first } = told()
    far.end('a word')
    expect(await first).toBe('lost')
  })

  test('is worthless when something was said right behind the hello', async () => {
    const { first } = told(Buffer.from('a word'))
    expect(await first).toBe('lost')
  })

  test('says nothing of an end that it made itself', async () => {
    const { end, first } = told()
    far.resume()
    const closed = once(far, 'end')
    end.end()
    await closed
    far.end()
    await once(far, 'close')
    expect(await Promise.race([first, Promise.resolve('nothing')])).toBe('nothing')
  })

  test('is reset in such a way that the other side reads no end', async () => {
    const { end } = told()
    const seen: string[] = []
    far.resume()
    far.on('end', () => seen.push('end'))
    far.on('error', () => seen.push('error'))
    const closed = new Promise((resolve) => void far.once('close', resolve))
    end.reset()
    await closed
    expect(seen).toEqual(['error'])
  })

  test('tells whoever comes later what has happened already', async () => {
    const end = new TetherEnd(near, [])
    const ended = once(near, 'end')
    far.end()
    near.ref()
    await ended
    const seen: string[] = []
    end.watch({ ended: () => void seen.push('ended'), lost: () => void seen.push('lost') })
    expect(seen).toEqual(['ended'])
  })

  test('sees the same two addresses as the other one, the other way round', () => {
    const own = addressesOf(near)
    const theirs = addressesOf(far)
    expect(own).toEqual({ local: theirs?.remote, remote: theirs?.local })
  })
})
