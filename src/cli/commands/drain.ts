import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import { quoted } from '../../core/group/explain/quoted.ts'
import { CaucusError, isCaucusError } from '../../errors.ts'
import { type Api, requestJson } from '../api.ts'
import type { CommandModule } from '../command.ts'
import { untilEmpty } from '../drain/until-empty.ts'
import type { Sight } from '../drain/verdict.ts'
import { EXIT } from '../errors.ts'
import { clean } from '../logging.ts'
import {
  addGroupOptions,
  answer,
  apiOf,
  askGroup,
  fetchHistory,
  groupOf,
  isMember,
  NOT_OURS,
  type OneGroupOptions,
  pathOf,
} from '../one-group.ts'
import { addLogOptions, type LogSettings, loggerOf, memberId } from '../options.ts'
import { forShell } from '../shell.ts'
import { onStop } from '../stopping.ts'

interface Options extends OneGroupOptions, LogSettings {
  readonly member: string
  readonly undo?: boolean
  readonly wait: boolean
}

const HELP = `
The process that is this member now is given nothing any more, and what it has goes to others as in every planned move: nothing is cut.
It stays a member, so that it can be stopped in peace once it has nothing. Exit codes: 0 it has nothing, 1 failed or stopped by SIGTERM
while waiting, 130 interrupted while waiting. An order that was given stays in force when the waiting is interrupted.`

export const define: CommandModule['define'] = (command: Command, run) => {
  const own = () =>
    command
      .requiredOption('--member <id>', 'who is to have nothing', memberId)
      .option('--undo', 'give it work again')
      .option('--no-wait', 'give the order and do not wait until it has nothing')
  addLogOptions(addGroupOptions(command, own))
    .usage('--group <name> --member <id> [options]')
    .addHelpText('after', HELP)
    .action((argument: string | undefined, options: Options) => run(() => drain(argument, options)))
}

const drain = async (argument: string | undefined, options: Options): Promise<number> => {
  const { member, undo = false, wait } = options
  const group = groupOf(argument, options)
  const api = apiOf(options)
  if (wait && !undo) return drainAndWait(api, group, member, options)
  await order(api, group, member, { undo })
  const text = undo ? 'is given work again' : 'is to be drained; it may still have something'
  answer(options, { group, member, drained: !undo }, clean(`${quoted(member)} of ${quoted(group)} ${text}`))
  return EXIT.done
}

const order = (
  api: Api,
  group: string,
  member: string,
  { undo = false, signal }: { readonly undo?: boolean; readonly signal?: AbortSignal },
): Promise<unknown> =>
  askGroup(api, pathOf(group, 'members', member, 'drain'), {
    method: undo ? 'DELETE' : 'PUT',
    ...(signal !== undefined && { signal }),
  })

/** Gives the order and waits until the member has nothing. Resolves with the exit code. */
const drainAndWait = async (api: Api, group: string, member: string, options: Options): Promise<number> => {
  const logger = loggerOf(options)
  const stopping = new AbortController()
  const { signal } = stopping
  let exitCode: number = EXIT.done
  // Before the order is sent: whoever interrupts it then has to hear that it may be in force.
  const quiet = onStop(
    (stop) => {
      // SIGTERM too: whoever reads 0 takes the member for drained.
      exitCode = stop.exitCode === EXIT.done ? EXIT.failed : stop.exitCode
      stopping.abort()
    },
    () => process.exit(exitCode),
  )
  let given = false
  try {
    await order(api, group, member, { signal })
    given = true
    const { gone } = await untilEmpty({
      member,
      look: () => look(api, group, member, signal),
      pause: (ms) => sleep(ms, undefined, { signal }),
      nowMs: () => performance.now(),
      logger,
    })
    const text = gone ? 'is not there any more, and has nothing' : `of ${quoted(group)} has nothing any more`
    answer(options, { group, member, drained: true, done: true, gone }, clean(`${quoted(member)} ${text}`))
    return EXIT.done
  } catch (error) {
    if (!signal.aborted) throw error
    const undo = `caucus drain --group ${forShell(group)} --member ${forShell(member)} --undo`
    const state = given ? 'the order stays in force' : 'the order may be in force already'
    logger.warn({ event: 'wait.abandoned' }, `not waiting any longer; ${state}, and \`${undo}\` takes it back`)
    if (options.json === true) answer(options, { group, member, drained: given, done: false, gone: false }, '')
    return exitCode
  } finally {
    quiet()
  }
}

const look = async (api: Api, group: string, id: string, signal: AbortSignal): Promise<Sight> => {
  const found = await memberOf(api, group, id, signal)
  if (found?.drained === true) return { member: found, events: [] }
  const past = await pastOf(api, group, id, signal)
  // Of one moment: between the two requests it may have gone or come.
  return { member: past?.view?.members.find((each) => each.id === id), group: past?.view, events: past?.events ?? [] }
}

const memberOf = async (api: Api, group: string, id: string, signal: AbortSignal) => {
  const found = await unlessNotFound(requestJson(api, pathOf(group, 'members', id), { signal }))
  if (found === undefined || isMember(found)) return found
  throw new CaucusError('CAUCUS_PROTOCOL', NOT_OURS)
}

const pastOf = (api: Api, group: string, member: string, signal: AbortSignal) =>
  unlessNotFound(fetchHistory(api, group, { member, limit: 100, view: true }, { signal }))

const unlessNotFound = async <T>(answer: Promise<T>): Promise<T | undefined> => {
  try {
    return await answer
  } catch (error) {
    if (isCaucusError(error) && error.code === 'CAUCUS_NOT_FOUND') return undefined
    throw error
  }
}
