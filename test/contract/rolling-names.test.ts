import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import * as caucus from 'caucus'
import * as compat from 'caucus/compat'
import * as server from 'caucus/server'
import { expect, onTestFinished, test } from 'vitest'
import { serve } from './server.ts'

const recorded = <What>(name: string): What =>
  JSON.parse(readFileSync(new URL(`recorded/v1/${name}.json`, import.meta.url), 'utf8')) as What

interface Names {
  readonly exports: Readonly<Record<string, readonly string[]>>
  readonly errors: Readonly<Record<string, object>>
  readonly metrics: readonly string[]
}
type Exchange =
  | { readonly wait: string }
  | {
      readonly method: string
      readonly path: string
      readonly body?: string
      readonly status: number
      readonly answer: unknown
    }

const names = recorded<Names>('names')

const open = async () => {
  const running = await serve()
  onTestFinished(() => running.close())
  return running
}

/** Every field that was there is there, with the same kind of value; what came since is nobody's loss. */
const shapeOf = (older: unknown, newer: unknown): unknown => {
  if (Array.isArray(older)) return Array.isArray(newer) ? older.map((each, i) => shapeOf(each, newer[i])) : typeof newer
  if (typeof older !== 'object' || older === null) return typeof newer
  const fields = (newer ?? {}) as Readonly<Record<string, unknown>>
  return Object.fromEntries(Object.entries(older).map(([name, value]) => [name, shapeOf(value, fields[name])]))
}

test('every name that was exported still is', () => {
  const doors: Readonly<Record<string, object>> = { caucus, 'caucus/server': server, 'caucus/compat': compat }
  for (const [door, exported] of Object.entries(names.exports)) {
    expect(Object.keys(doors[door] ?? {})).toEqual(expect.arrayContaining([...exported]))
  }
})

test('every error code means what it meant', () => {
  expect(caucus.ERROR_CODES).toMatchObject(names.errors)
})

test('every metric that was there still is, and of the same kind', async () => {
  const { url } = await open()
  // Some are told of once there is something to tell.
  await fetch(`${url}/v1/groups/g/members/a`, { method: 'PUT', body: '{"bootId":"b","sequence":1}' })
  await fetch(`${url}/v1/none`)
  const text = await (await fetch(`${url}/metrics`)).text()
  const now = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name, type]) => `${name} ${type}`)
  expect(now).toEqual(expect.arrayContaining([...names.metrics]))
})

test('every request over HTTP is answered with the same status and at least the same fields', async () => {
  const { url } = await open()
  let last: Readonly<Record<string, unknown>> = {}
  for (const exchange of recorded<readonly Exchange[]>('http')) {
    if ('wait' in exchange) {
      await sleep(500)
      continue
    }
    const { method, path, status, answer } = exchange
    const filled = (text: string) => text.replaceAll(/\{(\w+)\}/g, (_all, name) => String(last[name]))
    const body = exchange.body === undefined ? {} : { body: filled(exchange.body) }
    const response = await fetch(`${url}${filled(path)}`, { method, ...body })
    const json: unknown = await response.json()
    if (method === 'PUT' && response.ok) last = json as typeof last
    expect([method, path, response.status, shapeOf(answer, json)]).toEqual([
      method,
      path,
      status,
      shapeOf(answer, answer),
    ])
  }
})
