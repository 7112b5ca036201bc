import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { freePorts } from '../../src/testing/servers/ports.ts'
import { endAll, type Running, repository, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

// The two examples of programs that fork, run as somebody would who copied them: on the built package, with a temporary directory of their own.

const home = mkdtempSync(join(tmpdir(), 'caucus-adapters-'))
const EXAMPLES = ['cluster', 'owned']

beforeAll(async () => {
  mkdirSync(join(home, 'node_modules'))
  symlinkSync(repository, join(home, 'node_modules/caucus'))
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'home', private: true, type: 'module' }))
  for (const name of EXAMPLES) {
    writeFileSync(join(home, `${name}.ts`), readFileSync(join(repository, 'examples', `${name}.ts`)))
  }
  const compilerOptions = { noCheck: true, types: [], rootDir: '.', outDir: '.', module: 'nodenext', target: 'es2022' }
  writeFileSync(
    join(home, 'tsconfig.json'),
    JSON.stringify({ compilerOptions, files: EXAMPLES.map((name) => `${name}.ts`) }),
  )
  const compiler = startNode([join(repository, 'node_modules/typescript/bin/tsc'), '-p', home])
  await waitFor('the examples to be compiled', () => compiler.ended(), { withinMs: 60_000 })
  expect(compiler.stdout() + compiler.stderr()).toBe('')
})
afterEach(endAll)
afterAll(() => rmSync(home, { recursive: true }))

const start = (name: string, env: NodeJS.ProcessEnv): Running =>
  startNode([join(home, `${name}.js`)], { ...env, WORKERS: '3', TMPDIR: home })

/** What a line of a worker says last, by its pid. */
const saidBy = (program: Running, pattern: RegExp): Map<string, string> =>
  new Map([...program.stdout().matchAll(pattern)].map(([, pid = '', said = '']) => [pid, said]))

test('the workers of a cluster share the keys, and one of them runs the schedule, also after that one was killed', async () => {
  const program = start('cluster', {})
  const shares = /^worker (\d+) has (\d+) of 64$/gm
  const leads = /^worker (\d+) runs the schedule, with token (\d+)$/gm
  await waitFor(
    'three workers that share 64',
    () => {
      if (program.ended() !== undefined) throw new Error(`it ended: ${program.stderr()}`)
      return [...saidBy(program, shares).values()].sort().join() === '21,21,22'
    },
    { withinMs: 50_000 },
  )
  const [leader = ''] = await waitFor('a leader', () => {
    const found = [...saidBy(program, leads).keys()]
    return found.length > 0 && found
  })
  process.kill(Number(leader), 'SIGKILL')
  await waitFor('another one to lead', () => saidBy(program, leads).size > 1, { withinMs: 50_000 })
  const tokens = [...program.stdout().matchAll(leads)].map(([, , token]) => Number(token))
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
  expect(new Set(tokens).size).toBe(tokens.length)
})

test('each cart is in one worker, whichever is asked', async () => {
  const [port] = await freePorts(1)
  const program = start('owned', { PORT: String(port) })
  await waitFor(
    'three workers to listen',
    () => {
      if (program.ended() !== undefined) throw new Error(`it ended: ${program.stderr()}`)
      return saidBy(program, /^worker (\d+) (listens) on /gm).size === 3
    },
    { withinMs: 50_000 },
  )
  const add = async (cart: string) => {
    const answer = await waitFor(
      'an answer that is none to come again later',
      async () => {
        // A connection of its own each time: Node's primary gives them to one worker after the other.
        const each = await fetch(`http://127.0.0.1:${port}/carts/${cart}`, {
          method: 'POST',
          headers: { connection: 'close' },
        })
        return each.status === 200 && each
      },
      { withinMs: 50_000 },
    )
    return (await answer.json()) as { items: number; worker: number; token: number }
  }
  await add('warm-up')
  const workers = new Set<number>()
  for (const cart of ['ada', 'bob', 'cleo', 'dan', 'eve', 'fay']) {
    const answers = [await add(cart), await add(cart), await add(cart)]
    expect(answers.map(({ items }) => items)).toEqual([1, 2, 3])
    expect(new Set(answers.map(({ worker, token }) => `${worker} ${token}`)).size).toBe(1)
    workers.add(answers[0]?.worker ?? 0)
  }
  expect(workers.size).toBeGreaterThan(1)
})
