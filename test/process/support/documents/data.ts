import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from '../processes.ts'
import { runProgram } from './program.ts'

const LIMIT_MS = 30_000

/** The values of a block of JSON: one, or one on each line. Throws where it is none. */
export const jsonIn = (code: string): readonly unknown[] => {
  try {
    return [JSON.parse(code)]
  } catch {
    // Lines of JSON, then: what is wrong with one of them is said here.
    return code
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
}

/** What `caucus check` says against a configuration; empty for what is sound, and for what is none. */
export const faultsOf = async (value: unknown, folder: string): Promise<string> => {
  if (typeof value !== 'object' || value === null || !('listen_port' in value)) return ''
  const file = join(folder, 'configuration.json')
  writeFileSync(file, JSON.stringify(value))
  const check = [process.execPath, join(repository, 'bin/caucus.js'), 'check', file]
  const { code, stdout, stderr } = await runProgram(check, { folder, withinMs: LIMIT_MS })
  return code === 0 ? '' : `${stdout}${stderr}`
}

/** What nats-server says against a piece of its configuration; `-t` only reads it. */
export const natsFaults = async (code: string, folder: string): Promise<string> => {
  const file = join(folder, 'nats.conf')
  writeFileSync(file, code)
  const variables = Object.fromEntries([...code.matchAll(/\$([A-Z]\w*)/g)].map(([, name = '']) => [name, 'secret']))
  const test = ['nats-server', '-t', '-c', file]
  const { code: status, stdout, stderr } = await runProgram(test, { folder, env: variables, withinMs: LIMIT_MS })
  return status === 0 ? '' : `${stdout}${stderr}`
}

/** Statements as a database takes them, with something for each parameter. */
export const statementsOf = (code: string): string => {
  const given = code.replaceAll(/:name\b|\$2/g, "'jobs'").replaceAll(/:token\b|\$1/g, '7')
  const columns = /\bepoch\b/.test(code) ? 'item text, epoch bigint' : 'name text, token bigint'
  return `CREATE TABLE fence (${columns}); ${given}`
}
