import type { Random } from '../../core/random.ts'
import type { Api, Parameter, Route } from './api.ts'
import { oneOf, percent, weighted } from './draw.ts'
import { hostileText } from './hostile.ts'
import { type Draft, encoded, isConfusing, spoil } from './http-spoil.ts'
import { Fields, type Json, textOf } from './json.ts'
import type { Memory } from './memory.ts'
import { mutatedText } from './mutate.ts'
import { exampleOf } from './schema.ts'
import type { World } from './world.ts'

export interface HttpInput {
  readonly bytes: Buffer
  readonly method: string
  /** What was asked; undefined when that is not sure any more. */
  readonly route: Route | undefined
  /** The server may end the connection for it, and leave what comes after it unanswered. */
  readonly mayEnd: boolean
  /** Whose renewal it is, to learn from its answer. */
  readonly of: { readonly group: string; readonly member: string; readonly bootId: string } | undefined
}

const HEAVY = new Set(['getOpenApi', 'getMetrics', 'listGroups', 'getStatus'])

/** Draws requests: right ones, and such with something wrong in one or a few places. */
export class HttpInputs {
  readonly #routes: readonly (readonly [weight: number, route: Route])[]
  readonly #world: World
  readonly #host: string

  constructor(api: Api, world: World, host: string) {
    this.#world = world
    this.#host = host
    // What shows everything, or never ends, would leave no time for anything else.
    const weightOf = ({ name, body, successes }: Route) =>
      HEAVY.has(name)
        ? 0.6
        : [...successes.values()].some(({ type }) => type === 'text/event-stream')
          ? 0.5
          : body
            ? 12
            : 5
    this.#routes = api.routes.map((route) => [weightOf(route), route])
  }

  draw(random: Random, memory: Memory): HttpInput {
    const route = weighted(random, this.#routes)
    const source = this.#world.source(random, memory)
    const values = new Map(route.parameters.map((each) => [each, String(exampleOf(each.schema, source, each.name))]))
    let body = route.body === undefined ? undefined : exampleOf(route.body, source)
    const own = percent(random, 60) ? this.#coherent(route, values, body, random, memory) : undefined
    if (own !== undefined) body = own
    const isSound = percent(random, 35)
    if (!isSound && values.size > 0 && percent(random, 20)) {
      values.set(
        oneOf(random, [...values.keys()]),
        percent(random, 60) ? hostileText(random) : this.#world.name(random, 'group'),
      )
    }
    const draft: Draft = {
      method: route.method,
      target: targetOf(route, values),
      version: 'HTTP/1.1',
      headers: [['Host', this.#host]],
      body: body === undefined ? undefined : isSound || percent(random, 40) ? textOf(body) : mutatedText(body, random),
      route: [...values].some(([{ in: where }, value]) => where === 'path' && value === '') ? undefined : route,
      mayEnd: false,
      chunked: percent(random, 3),
    }
    const authorization = this.#world.authorization(random)
    if (authorization !== undefined) draft.headers.push(['Authorization', authorization])
    for (const [{ name, in: where, required }, value] of values) {
      if (where === 'header' && (required || percent(random, 30))) draft.headers.push([name, value])
    }
    if (body !== undefined && percent(random, 90)) draft.headers.push(['Content-Type', 'application/json'])
    if (!isSound && percent(random, 30)) spoil(draft, random, this.#host)
    draft.mayEnd = isConfusing(draft)
    if (draft.mayEnd) draft.route = undefined
    return {
      bytes: bytesOf(draft),
      method: draft.method,
      route: draft.route,
      mayEnd: draft.mayEnd,
      of: ownerOf(draft, values, body),
    }
  }

  /** What a member says that was admitted before, so that not only joins are ever right. */
  #coherent(
    route: Route,
    values: Map<Parameter, string>,
    body: Json | undefined,
    random: Random,
    memory: Memory,
  ): Json | undefined {
    const leave = memory.leave(random)
    if (leave === undefined) return undefined
    const renewal = memory.renewal(random)
    const from: Readonly<Record<string, unknown>> = body === undefined ? leave : { ...leave, ...renewal }
    for (const parameter of route.parameters) {
      const value = from[parameter.name]
      if (value !== undefined && percent(random, 95)) values.set(parameter, String(value))
    }
    if (!(body instanceof Fields) || renewal === undefined) return undefined
    const known = renewal.fields.entries.filter(
      ([name]) => body.get(name) !== undefined || route.body?.properties?.[name],
    )
    return new Fields([
      ...body.entries.filter(([name]) => percent(random, 10) && !known.some(([key]) => key === name)),
      ...known,
    ])
  }
}

const ownerOf = ({ route }: Draft, values: ReadonlyMap<Parameter, string>, body: Json | undefined): HttpInput['of'] => {
  if (route === undefined || !(body instanceof Fields)) return undefined
  const named = Object.fromEntries([...values].map(([{ name }, value]) => [name, value]))
  const bootId = body.get('bootId')
  const { group, member } = named
  return group === undefined || member === undefined || typeof bootId !== 'string'
    ? undefined
    : { group, member, bootId }
}

const targetOf = ({ path }: Route, values: ReadonlyMap<Parameter, string>): string => {
  const of = (where: string) => [...values].filter(([parameter]) => parameter.in === where)
  let target = path
  for (const [{ name }, value] of of('path')) target = target.replace(`{${name}}`, () => encoded(value))
  // An eviction is a leave without its query.
  const query = of('query').map(([{ name }, value]) => `${name}=${encoded(value)}`)
  return query.length === 0 ? target : `${target}?${query.join('&')}`
}

const bytesOf = ({ method, target, version, headers, body, chunked }: Draft): Buffer => {
  const payload = body === undefined ? undefined : Buffer.from(body)
  const lines = [`${method} ${target} ${version}`, ...headers.map(([name, value]) => `${name}: ${value}`)]
  if (payload === undefined) return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  lines.push(chunked ? 'Transfer-Encoding: chunked' : `Content-Length: ${payload.length}`)
  const head = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`)
  return Buffer.concat(chunked ? [head, ...chunksOf(payload), Buffer.from('0\r\n\r\n')] : [head, payload])
}

const chunksOf = (payload: Buffer): readonly Buffer[] => {
  const middle = Math.floor(payload.length / 2)
  return [payload.subarray(0, middle), payload.subarray(middle)]
    .filter(({ length }) => length > 0)
    .flatMap((chunk) => [Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from('\r\n')])
}
