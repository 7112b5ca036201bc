import { parseArgs } from 'node:util'

/** Says what is wrong with how a script was called, and ends it with 2. */
export const fail = (message) => {
  console.error(message)
  process.exit(2)
}

/** The options of a script, as `parseArgs` gives them. `--help` prints `usage`; wrong ones end the script with 2. */
export const readOptions = (options, usage) => {
  try {
    const { values } = parseArgs({ options: { ...options, help: { type: 'boolean', short: 'h' } } })
    if (!values.help) return values
  } catch (error) {
    return fail(`${error.message}\n${usage}`)
  }
  console.log(usage)
  return process.exit(0)
}

/** The option `name` as a whole number from `least` to `most`. */
export const wholeNumber = (values, name, least, most) => {
  const number = Number(values[name])
  if (Number.isSafeInteger(number) && number >= least && number <= most) return number
  return fail(`--${name} takes a whole number from ${least} to ${most}, not "${values[name]}"`)
}

/** A signal that SIGINT and SIGTERM abort, for cleaning up. */
export const stopped = () => {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stopping.abort())
  return stopping
}
