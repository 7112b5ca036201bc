// Members as users have them, through the SDK, that must not notice anything of what is done to their server.
// Usage: node canary.js ORDER, where ORDER is a CanaryOrder in JSON.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Timing } from '../../config/timing.ts'
import { connect, type Membership, remote } from '../../index.ts'
import { CANARY } from './world.ts'

export interface CanaryOrder {
  readonly url: string
  readonly token: string | undefined
  readonly timing: Timing
}

/** What it tells whoever started it. */
export type FromCanary =
  | { readonly type: 'settled' }
  /** Something is not as it was. */
  | { readonly type: 'disturbed'; readonly what: string }
  /** On SIGUSR2. */
  | { readonly type: 'compared'; readonly looks: number }

const LOOK_EVERY_MS = 20
const ASK_EVERY_MS = 50
/** Longer than anything that a machine does besides. */
const ASK_WITHIN_MS = 20_000
const order = JSON.parse(process.argv[2] ?? '') as CanaryOrder
const tell = (message: FromCanary) => void process.send?.(message, () => undefined)
const disturbed = (what: string) => tell({ type: 'disturbed', what })

const caucuses = await Promise.all(
  CANARY.members.map(() =>
    connect(remote(order.url, { timing: order.timing, ...(order.token && { token: order.token }) })),
  ),
)
const [first] = caucuses as [(typeof caucuses)[number]]
const memberships = (
  await Promise.all(
    CANARY.members.map((id, at) => {
      const caucus = caucuses[at] as (typeof caucuses)[number]
      return Promise.all([
        caucus.group(CANARY.parts).join({ id, share: { partitions: CANARY.partitions } }),
        caucus.group(CANARY.slots).join({ id, share: 'index' }),
      ])
    }),
  )
).flat()

/** What everybody says on their topic, in the order of their names. */
const askAll = async (request: number): Promise<string> => {
  const { replies, errors, missing } = await first.topic(CANARY.topic).gather(request, { withinMs: ASK_WITHIN_MS })
  return JSON.stringify([replies.map(({ from, value }) => `${from}: ${value}`).sort(), errors, missing])
}
await Promise.all(
  caucuses.map((caucus, at) => {
    const id = CANARY.members[at] as string
    return caucus
      .topic<number, number>(CANARY.topic)
      .produce((request) => request, { id })
      .ready()
  }),
)

/** One of each partition and of each index, so that an epoch that changed shows. */
const KEYS = Array.from({ length: 400 }, (_, n) => `key-${n}`)
const pictureOf = (membership: Membership): string => {
  const tokens = KEYS.map((key) => membership.token(key) ?? '-')
  return JSON.stringify([membership.state, membership.slot, membership.partitions, tokens])
}
const isWhole = () =>
  KEYS.every((key) =>
    [CANARY.parts, CANARY.slots].every((group) => memberships.some((each) => each.group === group && each.owns(key))),
  )

for (let before = '', same = 0; same < 10; ) {
  await sleep(LOOK_EVERY_MS)
  const now = isWhole() ? memberships.map(pictureOf).join() : ''
  same = now !== '' && now === before ? same + 1 : 0
  before = now
}

const pictures = memberships.map(pictureOf)
for (const group of [CANARY.parts, CANARY.slots]) {
  void (async () => {
    for await (const event of first.group(group).events()) disturbed(`its group was told ${JSON.stringify(event)}`)
  })().catch((error: unknown) => disturbed(`the events of ${group} ended: ${error}`))
}
for (const [at, caucus] of caucuses.entries()) {
  void (async () => {
    for await (const event of caucus.events()) {
      if (event.type === 'link.opened') continue
      disturbed(`the link of ${CANARY.members[at]}: ${JSON.stringify(event)}`)
    }
  })()
}
for (const membership of memberships) {
  void (async () => {
    for await (const event of membership.events())
      disturbed(`${membership.id} in ${membership.group}: ${JSON.stringify(event)}`)
  })().catch((error: unknown) => disturbed(`${membership.id} in ${membership.group} ended: ${error}`))
}

void (async () => {
  for (let request = 1; ; request++) {
    const expected = JSON.stringify([CANARY.members.map((id) => `${id}: ${request}`), [], []])
    const said = await askAll(request)
    if (said !== expected) disturbed(`an ask was to have ${expected} and has ${said.slice(0, 300)}`)
    await sleep(ASK_EVERY_MS)
  }
})().catch((error: unknown) => disturbed(`an ask failed: ${error}`))

let looks = 0
const look = () => {
  looks++
  for (const [at, membership] of memberships.entries()) {
    const now = pictureOf(membership)
    if (now === pictures[at]) continue
    disturbed(`${membership.id} in ${membership.group} had ${pictures[at]?.slice(0, 300)} and has ${now.slice(0, 300)}`)
    pictures[at] = now
  }
}
setInterval(look, LOOK_EVERY_MS)
process.on('SIGUSR2', () => {
  look()
  tell({ type: 'compared', looks })
})
// The events begin when their streams are open, and what is sent before that would not be told.
await sleep(200)
tell({ type: 'settled' })
