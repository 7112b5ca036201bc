// A server of the demo: `caucus serve` with the arguments of this process, and a page with the buttons of the demo. What they do is done by
// the process that started this one; without it, as when somebody runs this file by hand, there is no such server.
import { Command } from 'commander'
import { Asking } from '../../demo/asking.ts'
import { defineFor } from '../commands/serve.ts'
import { describeFailure, EXIT } from '../errors.ts'

const command = new Command('serve')
const run = async (action: () => Promise<number>): Promise<void> => {
  process.exitCode = await action()
}
if (process.send === undefined) {
  process.stderr.write('caucus: this is a part of `caucus demo`, and does nothing without it\n')
  process.exitCode = EXIT.usage
} else {
  defineFor(command, run, new Asking(process))
  // Listening to the demo alone must not keep it alive.
  process.channel?.unref()
  try {
    await command.parseAsync(process.argv.slice(2), { from: 'user' })
  } catch (error) {
    process.stderr.write(`caucus demo: ${describeFailure(error)}\n`)
    process.exitCode = EXIT.failed
  }
}
