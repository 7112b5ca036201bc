import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { built } from '../sim/built.ts'
import { endAll, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

let folder: string
beforeEach(async () => {
  built()
  folder = await mkdtemp(join(tmpdir(), 'caucus-threads-'))
  const handler = `export default ({ block }) => { while (block); return 'done' }`
  await writeFile(join(folder, 'handler.mjs'), handler)
})
afterEach(async () => {
  await endAll()
  await rm(folder, { recursive: true, force: true })
})

/** Runs a program with a topic, a producer in threads that is ready, and `show()`; gives what it said and how it ended. */
const run = async (program: string, connection = 'embedded()') => {
  const url = JSON.stringify(pathToFileURL(join(folder, 'handler.mjs')).href)
  const code = `
    import { connect, embedded } from 'caucus'
    const caucus = await connect(${connection})
    const topic = caucus.topic('work')
    const producer = topic.produce(new URL(${url}), { threads: 2, killAfterMs: 50 })
    await producer.ready()
    ${program}`
  const running = startNode(['--input-type=module', '--eval', code])
  const ended = await waitFor('the process to end', () => running.ended())
  return { stdout: running.stdout(), stderr: running.stderr(), ...ended }
}

test('threads that have nothing to do keep no process alive', async () => {
  const program = `console.log((await topic.gather({})).replies[0].value)`
  expect(await run(program)).toEqual({ stdout: 'done\n', stderr: '', code: 0, signal: null })
})

test('a process ends after its connection was closed, though a handler blocks its thread', async () => {
  const program = `
    const asking = topic.gather({ block: true })
    const other = await topic.gather({})
    await producer.drain({ limitMs: 50 })
    await caucus[Symbol.asyncDispose]()
    console.log((await asking).left.length)`
  expect(await run(program)).toEqual({ stdout: '1\n', stderr: '', code: 0, signal: null })
})

test('a process may exit in the middle of it', async () => {
  const program = `
    topic.gather({ block: true })
    setTimeout(() => process.exit(7), 20)`
  expect(await run(program)).toEqual({ stdout: '', stderr: '', code: 7, signal: null })
})

test('a process whose handler blocks goes on until the ask is over, and then ends', async () => {
  const program = `topic.gather({ block: true }, { withinMs: 50 }).then(({ ending }) => console.log(ending))`
  expect(await run(program)).toEqual({ stdout: 'timeout\n', stderr: '', code: 0, signal: null })
})

test('who uses no threads does not load the pool', async () => {
  const code = `
    import { createRequire } from 'node:module'
    import { connect, embedded } from 'caucus'
    const caucus = await connect(embedded())
    const topic = caucus.topic('work')
    topic.produce(() => 'done')
    console.log((await topic.gather({})).replies[0].value)
    console.log(Object.keys(createRequire(process.cwd() + '/').cache).filter((file) => file.includes('piscina')))
    await caucus.close()`
  const running = startNode(['--input-type=module', '--eval', code])
  await waitFor('the process to end', () => running.ended())
  expect([running.stdout(), running.stderr()]).toEqual(['done\n[]\n', ''])
})
