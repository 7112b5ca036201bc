import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { expect } from 'vitest'
import type { CoordinatorMessage, Holding, MemberMessage } from '../../../src/core/group/messages.ts'

/** One thing that happened while an older peer was recorded. */
export type Line = { readonly at: number } & (
  | { readonly link: 'opened'; readonly offered: readonly string[]; readonly chosen: string }
  | { readonly link: 'closed' }
  /** What was done besides to get the next lines. */
  | { readonly stage: string }
  | { readonly from: 'member'; readonly frame: readonly MemberMessage[] }
  | { readonly from: 'server'; readonly frame: readonly CoordinatorMessage[] }
)

const folder = fileURLToPath(new URL('../recorded/v1/', import.meta.url))

/** The lines without the first one, which says how they were made. */
export const recording = (name: string): readonly Line[] => {
  const [, ...lines] = readFileSync(`${folder}${name}.ndjson`, 'utf8').trim().split('\n')
  return lines.map((line) => JSON.parse(line) as Line)
}

export const recordings: readonly string[] = readdirSync(folder).flatMap(
  (file) => /^(.*)\.ndjson$/.exec(file)?.[1] ?? [],
)

/** What the recorded version itself checks messages with. */
export const schemas: Readonly<Record<string, object>> = JSON.parse(readFileSync(`${folder}schemas.json`, 'utf8'))

const ajv = new Ajv({ strict: true, ownProperties: true })
const checks = new Map(Object.entries(schemas).map(([type, schema]) => [type, ajv.compile(schema)]))

/** The messages of a frame, every one of which a peer of the recorded version would take. */
export const asThatVersion = <Message extends { readonly type: string }>(text: string): readonly Message[] => {
  const messages = JSON.parse(text) as readonly Message[]
  for (const message of messages) {
    const check = checks.get(message.type) ?? expect.fail(`a peer of version 1 knows no ${message.type}`)
    if (!check(message))
      expect.fail(`a peer of version 1 would end the link at ${text}: ${ajv.errorsText(check.errors)}`)
  }
  return messages
}

/** Which items, at whatever epochs. */
export const itemsOf = (holdings: readonly Holding[]): string =>
  holdings
    .map(({ item, of }) => (of === undefined ? `${item}` : `${item}/${of}`))
    .sort()
    .join(' ')
