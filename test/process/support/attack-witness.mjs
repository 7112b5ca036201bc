// Two members of a group of indexes and two of a group of partitions that look all the time at what they have. Usage:
// node attack-witness.mjs ORDER, where ORDER is { url, token?, partitions, others } in JSON: `others` more members are awaited in each group
// before the looking begins. Says "whole", and on SIGUSR2
// {"checks","harms","partitions":[{"item","epoch"}]}; a harm is anything that was had and lost, or got another epoch.
import { connect, remote } from 'caucus'

const { url, token, partitions, others } = JSON.parse(process.argv[2])
const caucus = await connect(remote(url, { token }))
const say = (line) => process.stdout.write(`${line}\n`)
process.on('SIGTERM', () => process.exit(0))

const join = (group, share) =>
  Promise.all(['one', 'two'].map((id) => caucus.group(group).join({ id: `witness-${id}`, share })))
const [indexed, partitioned] = await Promise.all([
  join('witness-indexes', 'index'),
  join('witness-partitions', { partitions }),
])

/** Everything that these members have, by name, with its epoch. */
const had = () => {
  const all = new Map()
  for (const { id, slot } of indexed) if (slot) all.set(`${id} index ${slot.index} of ${slot.total}`, slot.epoch)
  for (const membership of partitioned) {
    for (const each of membership.partitions) all.set(`${membership.id} partition ${each}`, membership.epoch(each))
  }
  return all
}
const total = 2 + others
const isWhole = () =>
  indexed.every(({ slot }) => slot?.total === total) &&
  partitioned.every((each) => each.partitions.length === partitions / total)

const harms = []
let checks = 0
const watch = (before) => {
  const look = () => {
    checks++
    const now = had()
    for (const [what, epoch] of before) {
      if (now.get(what) === epoch) continue
      harms.push(`${what}: epoch ${epoch} became ${now.get(what)}`)
      // Once is enough.
      before.delete(what)
    }
  }
  setInterval(look, 5)
  process.on('SIGUSR2', () => {
    look()
    const partitions = partitioned.flatMap((each) => each.partitions.map((item) => ({ item, epoch: each.epoch(item) })))
    say(JSON.stringify({ checks, harms, partitions }))
  })
}

const waiting = setInterval(() => {
  if (!isWhole()) return
  clearInterval(waiting)
  watch(had())
  say('whole')
}, 10)
