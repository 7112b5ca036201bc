import type { Command } from 'commander'
import { type Config, otherPeers } from '../../config/config.ts'
import { formatDuration } from '../../config/duration.ts'
import { checkConfig, parseConfig } from '../../config/file.ts'
import { describeViolation } from '../../config/safety.ts'
import { isCaucusError } from '../../errors.ts'
import type { CommandModule } from '../command.ts'
import { EXIT } from '../errors.ts'
import { readText } from '../options.ts'

export const define: CommandModule['define'] = (command: Command, run) => {
  command
    .argument('<file>', 'the configuration file (JSON)')
    .option('--json', 'answer as JSON')
    .action((file: string, { json = false }: { json?: boolean }) => run(async () => check(file, json)))
}

const check = (file: string, json: boolean): number => {
  let config: Config
  try {
    config = parseConfig(readText(file, '<file>'), file)
  } catch (error) {
    // Whoever asked for JSON gets it in any case; without it the message goes where all messages go.
    if (!json || !isCaucusError(error)) throw error
    process.stdout.write(`${JSON.stringify({ ok: false, violations: [], error })}\n`)
    return EXIT.failed
  }
  const report = checkConfig(config)
  const exitCode = report.ok ? EXIT.done : EXIT.failed
  if (json) {
    process.stdout.write(`${JSON.stringify(report)}\n`)
    return exitCode
  }
  const replicated = otherPeers(config).length > 0
  const lines = [
    report.ok ? `${file} is sound.` : `${file} is unsafe:`,
    ...report.violations.map((violation) => `  ${describeViolation(violation)}`),
    replicated
      ? `Worst failover: ${formatDuration(report.worstFailoverMs)} until another coordinator can give out what nobody claims; what is held stays held.`
      : `Worst failover: ${formatDuration(report.worstFailoverMs)} from the restart of the server until it can give out what nobody claims; what is held stays held.`,
    `Worst takeover: ${formatDuration(report.worstTakeoverMs)} until what a crashed member held is with somebody else.`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
  return exitCode
}
