import type { Command } from 'commander'
import { explainWhy, type Subject } from '../../core/group/explain.ts'
import type { GroupView } from '../../core/group/view.ts'
import { MAX_PARTITIONS } from '../../wire/limits.ts'
import { MAX_HISTORY } from '../../wire/operator.ts'
import type { CommandModule } from '../command.ts'
import { EXIT, UsageError } from '../errors.ts'
import { clean } from '../logging.ts'
import {
  addGroupOptions,
  answer,
  apiOf,
  describeEvent,
  fetchHistory,
  groupOf,
  type OneGroupOptions,
} from '../one-group.ts'
import { memberId, wholeNumber } from '../options.ts'
import { paintFor } from '../paint.ts'

interface Options extends OneGroupOptions {
  readonly partition?: number
  readonly member?: string
}

const HELP = `
One sentence, and the events behind it in their order. Without --partition and --member it says why the group last settled, or what it
waits for while it is settling. The server keeps a bounded past: where something is forgotten, the sentence says so.`

export const define: CommandModule['define'] = (command: Command, run) => {
  const own = () =>
    command
      .option('--partition <n>', 'why it is where it is', wholeNumber(0, MAX_PARTITIONS - 1))
      .option('--member <id>', 'why it has what it has, or is not there', memberId)
  addGroupOptions(command, own)
    .usage('--group <name> [--partition <n> | --member <id>] [options]')
    .addHelpText('after', HELP)
    .action((argument: string | undefined, options: Options) => run(() => explain(argument, options)))
}

const explain = async (argument: string | undefined, options: Options): Promise<number> => {
  const group = groupOf(argument, options)
  const subject = subjectOf(options)
  const history = await fetchHistory(apiOf(options), group, { limit: MAX_HISTORY, view: true })
  checkPartition(group, history.view, subject)
  const { sentence, events, forgotten } = explainWhy(history.view, history, subject)
  const { type: _type, ...about } = subject
  const paint = paintFor(process.stdout)
  const lines = events.map((event) => describeEvent(event, paint))
  const text = [paint(clean(sentence), 'strong'), ...(lines.length > 0 ? ['', ...lines] : [])].join('\n')
  answer(options, { group, ...about, sentence, events, forgotten }, text)
  return EXIT.done
}

const subjectOf = ({ partition, member }: Options): Subject => {
  if (partition !== undefined && member !== undefined) {
    throw new UsageError('--partition and --member are two questions; ask one of them')
  }
  if (partition !== undefined) return { type: 'partition', partition }
  return member === undefined ? { type: 'group' } : { type: 'member', member }
}

const checkPartition = (group: string, view: GroupView | undefined, subject: Subject): void => {
  if (view === undefined || subject.type !== 'partition') return
  const { share } = view
  if (typeof share === 'string') {
    const what = {
      index: 'shares indexes',
      tenure: 'is an election',
      once: 'is a run of once()',
      none: 'is a service',
    }[share]
    throw new UsageError(
      `--partition: the group ${JSON.stringify(group)} ${what} and has no partitions; ask with --member`,
    )
  }
  if (subject.partition >= share.partitions) {
    throw new UsageError(
      `--partition: the group ${JSON.stringify(group)} has the partitions 0 to ${share.partitions - 1}, and no ${subject.partition}`,
    )
  }
}
