import type { Command } from 'commander'
import { type Config, otherPeers } from '../../config/config.ts'
import { formatDuration } from '../../config/duration.ts'
import { type ConfigReport, checkConfig, parseConfig } from '../../config/file.ts'
import { describeViolation } from '../../config/safety.ts'
import { isCaucusError } from '../../errors.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { readText } from '../read-file.ts'
import { refusalsOf } from '../serve-settings.ts'

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .argument('<file>', 'the configuration file (JSON)')
    .option('--json', 'answer as JSON')
    .action((file: string, { json = false }: { json?: boolean }) => run(() => check(file, json)))
}

const check = async (file: string, json: boolean): Promise<number> => {
  let config: Config
  try {
    config = parseConfig(readText(file), file)
  } catch (error) {
    // Whoever asked for JSON gets it in any case; without it the message goes where all messages go.
    if (!json || !isCaucusError(error)) throw error
    process.stdout.write(`${JSON.stringify({ ok: false, violations: [], refused: [error.message], error })}\n`)
    return EXIT.failed
  }
  const report = checkConfig(config)
  const refused = await refusalsOf(config, file)
  const ok = report.ok && refused.length === 0
  const answer = json ? JSON.stringify({ ...report, ok, refused }) : describe(file, config, report, refused)
  process.stdout.write(`${answer}\n`)
  return ok ? EXIT.done : EXIT.failed
}

const describe = (file: string, config: Config, report: ConfigReport, refused: readonly string[]): string => {
  const { ok, violations, worstFailoverMs, worstTakeoverMs } = report
  const from = otherPeers(config).length > 0 ? 'until another coordinator' : 'from the restart of the server until it'
  const head = [refused.length === 0 ? `${file} is sound.` : `The timing of ${file} is safe.`]
  return [
    ...(ok ? head : [`${file} is unsafe:`, ...violations.map((violation) => `  ${describeViolation(violation)}`)]),
    ...refused.map((reason) => `This version's \`serve\` refuses it because ${reason}`),
    `Worst failover: ${formatDuration(worstFailoverMs)} ${from} can give out what nobody claims; what is held stays held.`,
    `Worst takeover: ${formatDuration(worstTakeoverMs)} until what a crashed member held is with somebody else.`,
  ].join('\n')
}
