import { readFileSync } from 'node:fs'
import { Command, type Option } from 'commander'
import { describe, expect, test } from 'vitest'
import { COMMANDS } from '../../../src/cli/commands.ts'
import { addEtcdOptions, addNatsOptions } from '../../../src/cli/engine-options.ts'
import { addLogOptions, addServerOptions } from '../../../src/cli/options.ts'

const document = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
const sections = new Map(
  document.split(/^## /m).map((section) => {
    const [title = '', ...text] = section.split('\n')
    return [title, text.join('\n')]
  }),
)
const section = (title: string): string => sections.get(title) ?? expect.fail(`docs/cli.md has no "## ${title}"`)

/** What a table of the page says about each option. */
const documented = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^\| `(-[^`]*)` \| (.*) \|$/gm)].map(([, flags = '', means = '']) => [
      flags.replaceAll('\\|', '|'),
      means.replaceAll('\\|', '|'),
    ]),
  )
const shown = (options: readonly Option[]): Record<string, string> =>
  Object.fromEntries(options.map(({ flags, description }) => [flags, description]))

const SHARED = {
  'Server options': shown(addServerOptions(new Command()).options),
  'etcd and NATS options': shown(addNatsOptions(addEtcdOptions(new Command())).options),
  'Log options': shown(addLogOptions(new Command()).options),
}

const commandOf = async (name: string): Promise<Command> => {
  const command = new Command(name)
  const { define } = await (COMMANDS[name] ?? expect.fail(name)).load()
  define(command, async () => undefined)
  return command
}

describe('the page about the command line', () => {
  test('has every command with its summary, and no other', () => {
    const listed = [...document.matchAll(/^\| \[`(\w+)`\]\(#caucus-(\w+)\) \| (.*) \|$/gm)]
    expect(listed.map(([, name, anchor, summary]) => [name, anchor, summary])).toEqual(
      Object.entries(COMMANDS).map(([name, { summary }]) => [name, name, summary]),
    )
    const titles = [...sections.keys()].filter((title) => title.startsWith('caucus '))
    expect(titles).toEqual(Object.keys(COMMANDS).map((name) => `caucus ${name}`))
  })

  test.each(Object.entries(SHARED))('lists the %s as the help does', (title, options) => {
    expect(documented(section(title))).toEqual(options)
  })

  test.each(Object.keys(COMMANDS))('lists the options of `caucus %s` as its help does', async (name) => {
    const { options } = await commandOf(name)
    const text = section(`caucus ${name}`)
    const said = { ...documented(text) }
    for (const [title, shared] of Object.entries(SHARED)) {
      if (text.includes(`(#${title.toLowerCase().replaceAll(' ', '-')})`)) Object.assign(said, shared)
    }
    expect(said).toEqual(shown(options))
  })

  test.each(Object.keys(COMMANDS))('says what `caucus %s --json` prints, where there is one', async (name) => {
    const { options } = await commandOf(name)
    expect(/JSON[:,]/.test(section(`caucus ${name}`))).toBe(options.some(({ flags }) => flags === '--json'))
  })
})
