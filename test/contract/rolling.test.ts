import { setTimeout as sleep } from 'node:timers/promises'
import { type Caucus, connect, type Gap, type Membership, type MembershipEvent, remote } from 'caucus'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FoundationStore } from '../../src/ports/store.ts'
import { memoryStore } from '../../src/stores/memory-store.ts'
import { codeOf, seen } from '../../src/testing/contract/assertions.ts'
import { decodeCoordinatorFrame, decodeMemberFrame, encodeFrames } from '../../src/wire/frames.ts'
import { V1 } from '../../src/wire/v1.ts'
import { OlderMember } from './rolling/older-member.ts'
import { OlderServer } from './rolling/older-server.ts'
import { recording, recordings, schemas } from './rolling/recording.ts'
import { serve, TIMING } from './server.ts'

/** Connected as users are; closed with the test. */
const connected = async (url: string): Promise<Caucus> => {
  const caucus = await connect(remote(url, { timing: TIMING }))
  onTestFinished(() => caucus.close())
  return caucus
}

/** What a membership gets, gives back and loses, as it comes, up to its end. */
const noted = (membership: Membership): readonly string[] => {
  const notes: string[] = []
  const note = (event: MembershipEvent | Gap) => {
    if (event.type === 'gap') return notes.push('gap')
    const because = event.type === 'share.lost' ? ` ${event.because}` : ''
    const what = event.slot === undefined ? `${event.partitions.length}` : `${event.slot.index}/${event.slot.total}`
    return notes.push(`${event.type} ${what}${because}`)
  }
  void (async () => {
    for await (const event of membership.events()) note(event)
  })().catch((error: unknown) => notes.push(String(error)))
  return notes
}
const lostIn = (notes: readonly string[]) => notes.filter((note) => note.startsWith('share.lost'))

/** A server that can be restarted where it is, as one that is upgraded. */
class Upgraded {
  readonly #store: FoundationStore = memoryStore()
  #server: Awaited<ReturnType<typeof serve>> | undefined

  async start(): Promise<void> {
    const port = this.#server?.port
    await this.#server?.close()
    this.#server = await serve({
      store: this.#store,
      clusterId: 'cluster-1',
      fresh: port === undefined,
      ...(port !== undefined && { port }),
    })
  }

  get url(): string {
    return this.#server?.url ?? ''
  }

  async close(): Promise<void> {
    await this.#server?.close()
  }
}

test('version 1 is what the recorded version checks with, to the letter', () => {
  expect(JSON.parse(JSON.stringify(V1))).toEqual(schemas)
})

test('every frame of version 1 means the same in the version of today', () => {
  const frames = recordings.flatMap((name) => recording(name).flatMap((line) => ('from' in line ? [line] : [])))
  expect(frames.length).toBeGreaterThan(50)
  for (const { from, frame } of frames) {
    const text = JSON.stringify(frame)
    const decode = from === 'member' ? decodeMemberFrame : decodeCoordinatorFrame
    expect(decode(text, 1)).toEqual(frame)
    expect(decode(text, 2)).toEqual(frame)
    const again = encodeFrames(frame, 1).flatMap((each) => JSON.parse(each) as unknown[])
    expect(again).toEqual(frame)
  }
})

describe('a member that was recorded with version 1, at a server of today,', () => {
  const play = async (name: string) => {
    const server = new Upgraded()
    await server.start()
    onTestFinished(() => server.close())
    const caucus = await connected(server.url)
    const others: Membership[] = []
    const share = name === 'index' ? ('index' as const) : { partitions: 8 }
    const join = async (id: string) => {
      others.push(await caucus.group(name === 'index' ? 'g' : 'p').join({ id, share }))
    }
    const stages: Record<string, () => Promise<void>> = {
      'b joins': () => join('b'),
      'b leaves': async () => others[0]?.leave(),
      'the server is restarted': () => server.start(),
      'another takes the id': () => join('a'),
    }
    const told: (readonly string[])[] = []
    const member = new OlderMember({
      lines: recording(name),
      url: () => server.url,
      stage: async (what) => {
        const done = (stages[what] ?? expect.fail(`nobody knows how to play "${what}"`))()
        // A leave waits for the older member's own part, and a restart for nobody.
        if (what === 'b leaves') return
        await done
        const last = others.at(-1)
        if (last !== undefined) told.push(noted(last))
      },
    })
    await member.play()
    return { member, server, others, lost: lostIn(told.flat()) }
  }

  test('has its place, gives it back for another, and leaves', async () => {
    const { member, lost } = await play('index')
    expect(member.vanished).toEqual([])
    expect(member.told).toEqual(['left', 'left', 'closed 1005'])
    expect(lost).toEqual([])
  })

  test('drains its partitions, keeps them over a restart, and is fenced by a newer process of its id', async () => {
    const { member, lost, others } = await play('partitions')
    expect(member.vanished).toEqual([])
    expect(member.told.filter((told) => !told.startsWith('closed'))).toEqual(['CAUCUS_FENCED', 'left'])
    expect(lost).toEqual([])
    const newest = others.at(-1) ?? expect.fail('nobody took its id')
    await seen(newest, ({ partitions }) => partitions.length === 8)
  })

  test('is refused as it was then', async () => {
    const { member } = await play('refused')
    expect(member.told).toEqual(['CAUCUS_CONFLICT', 'closed 1005'])
  })

  test('is all of them: no recording is left aside', () => {
    expect([...recordings].sort()).toEqual(['index', 'partitions', 'refused'])
  })
})

describe('a member of today, at a server that was recorded with version 1,', () => {
  const meet = async (name: string) => {
    const server = new OlderServer(recording(name))
    onTestFinished(() => server.close())
    const caucus = await connected(await server.listen())
    return { server, caucus }
  }
  const until = async (holds: () => boolean) => {
    for (let tries = 0; !holds(); tries++) {
      if (tries > 2_000) expect.fail('never came to what was recorded')
      await sleep(10)
    }
  }

  test('offers its newest version and takes the older one; has its place, gives it back, and leaves', async () => {
    const { server, caucus } = await meet('index')
    const member = await caucus.group('g').join({ id: 'a', metadata: { zone: 'x' } })
    const notes = noted(member)
    await until(() => server.expectsLeave)
    await member.leave()
    await until(() => server.isDone)
    expect(member.state).toBe('left')
    expect(notes.slice(0, 5)).toEqual([
      'share.granted 1/1',
      'share.revoked 1/1',
      'share.granted 1/2',
      'share.revoked 1/2',
      'share.granted 1/1',
    ])
    expect(lostIn(notes)).toEqual([])
    expect(new Set(server.offered)).toEqual(new Set(['caucus.v2,caucus.v1']))
  })

  test('drains its partitions, keeps them over a restart, and is fenced', async () => {
    const { server, caucus } = await meet('partitions')
    const member = await caucus.group('p').join({ id: 'a', share: { partitions: 8 }, metadata: { load: 1 } })
    member.onRevoke(() => sleep(250))
    const notes = noted(member)
    await until(() => member.state === 'fenced')
    await until(() => server.isDone)
    expect(notes.slice(0, 4)).toEqual(['share.granted 8', 'share.revoked 4', 'share.granted 4', 'share.lost 8 fenced'])
    expect(lostIn(notes)).toHaveLength(1)
    expect(server.offered.length).toBeGreaterThanOrEqual(2)
  })

  test('is refused as it was then', async () => {
    const { caucus } = await meet('refused')
    expect(await codeOf(caucus.group('p').join({ id: 'a', share: 'index' }))).toBe('CAUCUS_CONFLICT')
  })
})
