import { type Command, InvalidArgumentError } from 'commander'
import { changeFault, type Move, type Plan } from '../../core/assignment/plan.ts'
import { MAX_WEIGHT, type Sharer, type Weighted } from '../../core/assignment/weights.ts'
import { movesOf, type Renumbering, renumberedBy } from '../../core/group/planned.ts'
import { idFault } from '../../core/ids.ts'
import type { CommandModule } from '../command.ts'
import { EXIT, UsageError } from '../errors.ts'
import { addGroupOptions, answer, apiOf, fetchGroup, groupOf, type OneGroupOptions } from '../one-group.ts'
import { paintFor } from '../paint.ts'
import { formatTable } from '../table.ts'
import { formatRanges } from '../work/share.ts'

interface Options extends OneGroupOptions {
  readonly join?: readonly Sharer[]
  readonly leave?: readonly string[]
  readonly weigh?: readonly Weighted[]
}

const HELP = `
Nothing is changed. A move is a partition that would lose its owner: it pauses, is drained and is given to somebody else. \`minimum\` is the
fewest moves that fair loads allow. Members that are being drained count as gone, kept places as taken; pins and a freeze hold. Without
--join, --leave and --weigh it says what is still to move. A weight is a whole number from 0 to ${MAX_WEIGHT} after the last colon; for an id
that ends in a colon and digits, name the weight too (web:8080:1). In a group of indexes it says who would get another index.`

export const define: CommandModule['define'] = (command: Command, run) => {
  const own = () =>
    command
      .option('--join <member...>', 'who would come, as ID or ID:WEIGHT', collect(sharer))
      .option('--leave <id...>', 'who would go, or be drained', collect(soundId))
      .option('--weigh <member...>', 'who would weigh something else, as ID:WEIGHT', collect(weighted))
  addGroupOptions(command, own)
    .usage('--group <name> [options]')
    .addHelpText('after', HELP)
    .action((argument: string | undefined, options: Options) => run(() => show(argument, options)))
}

const collect =
  <T>(read: (text: string) => T) =>
  (text: string, before: readonly T[] = []): readonly T[] => [...before, read(text)]

const soundId = (text: string): string => {
  const fault = idFault(text, 'member id')
  if (fault !== undefined) throw new InvalidArgumentError(`The ${fault}.`)
  return text
}

const sharer = (text: string): Sharer => {
  const [, id, digits] = /^(.*):(\d+)$/s.exec(text) ?? []
  if (id === undefined || digits === undefined) return soundId(text)
  const weight = Number(digits)
  if (weight > MAX_WEIGHT) {
    throw new InvalidArgumentError(
      `A weight is a whole number from 0 to ${MAX_WEIGHT}; if ${JSON.stringify(text)} is the whole id, write ${JSON.stringify(`${text}:1`)}.`,
    )
  }
  return { id: soundId(id), weight }
}

const weighted = (text: string): Weighted => {
  const read = sharer(text)
  if (typeof read === 'string')
    throw new InvalidArgumentError(`Give an id, a colon and a whole number from 0 to ${MAX_WEIGHT}.`)
  return read
}

const show = async (argument: string | undefined, options: Options): Promise<number> => {
  const group = groupOf(argument, options)
  const view = await fetchGroup(apiOf(options), group)
  const { join = [], leave = [], weigh = [] } = options
  const change = { join, leave, weigh }
  // A change at random of somebody who is not there would look as if it changed nothing.
  const fault = changeFault(view.members.map(({ id }) => id).concat((view.kept ?? []).map(({ id }) => id)), change)
  if (fault !== undefined) throw new UsageError(`--join, --leave, --weigh: ${fault}`)
  if (view.share === 'tenure') {
    const rule = 'whoever leads goes on, and is followed by whoever has waited longest'
    throw new UsageError(`${JSON.stringify(group)} is an election, so there is nothing to plan: ${rule}`)
  }
  if (view.share === 'once') {
    throw new UsageError(
      `${JSON.stringify(group)} is a run of once(), which nobody gets next: there is nothing to plan`,
    )
  }
  if (view.share === 'none') {
    throw new UsageError(
      `${JSON.stringify(group)} is a service, whose instances share nothing, so there is nothing to plan`,
    )
  }
  if (view.share === 'index') {
    if (weigh.length > 0)
      throw new UsageError(`--weigh: the group ${JSON.stringify(group)} shares indexes, which all weigh the same`)
    const renumbering = renumberedBy(view, change)
    answer(options, renumbering, describeRenumbering(renumbering))
  } else {
    const planned = movesOf(view, view.share.partitions, change)
    const isOwned = [...view.members, ...(view.kept ?? [])].some(({ partitions = [] }) => partitions.length > 0)
    answer(options, planned, describePlan(planned, isOwned))
  }
  return EXIT.done
}

const describePlan = ({ moves, minimum }: Plan, isOwned: boolean): string => {
  if (moves.length === 0)
    return isOwned ? 'nothing would move' : 'nothing would move: nobody has any of it yet, so it is only given out'
  const ways = new Map<string, { from: string; to: string; partitions: number[] }>()
  for (const { from, to, partition } of moves) {
    const key = JSON.stringify([from, to])
    const way = ways.get(key) ?? { from, to: to ?? '(nobody)', partitions: [] }
    way.partitions.push(partition)
    ways.set(key, way)
  }
  const rows = [...ways.values()].map(({ from, to, partitions }) => [
    from,
    to,
    `${partitions.length}`,
    formatRanges(partitions),
  ])
  const head = moves.every(({ to }) => to === null)
    ? `nobody would be left who is given anything: ${countOf(moves)} would lose ${moves.length === 1 ? 'its' : 'their'} owner, and stay without one`
    : `${countOf(moves)} would move; the fewest that fair loads allow: ${minimum}`
  return [head, '', formatTable(['FROM', 'TO', 'COUNT', 'PARTITIONS'], rows, paintFor(process.stdout))].join('\n')
}

const countOf = ({ length }: readonly Move[]): string => (length === 1 ? '1 partition' : `${length} partitions`)

const describeRenumbering = ({ renumbered, total }: Renumbering): string => {
  if (renumbered.length === 0) return 'nobody would get another index'
  const rows = renumbered.map(({ member, from, to }) => [member, `${from ?? '-'}`, `${to ?? '-'}`])
  const head =
    total.from === total.to
      ? `the total stays ${total.to}; whoever is not listed keeps its index without a pause`
      : `the total goes from ${total.from} to ${total.to}; ${total.to === 0 ? 'nobody would be left' : 'every member pauses until the last one has let go'}`
  return [head, '', formatTable(['MEMBER', 'FROM', 'TO'], rows, paintFor(process.stdout))].join('\n')
}
