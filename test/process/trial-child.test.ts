import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, test } from 'vitest'
import { Child } from '../../src/testing/trial/child.ts'
import { isAlive } from '../../src/testing/trial/processes.ts'
import { repository } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

const folder = mkdtempSync(join(tmpdir(), 'caucus-child-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const built = (name: string) => pathToFileURL(join(repository, `dist/testing/trial/${name}.js`)).href
const output = join(folder, 'child.log')
/** Says for how long it could not do anything, whenever that is long. */
const SLEEPLESS = `
  let before = performance.now()
  setInterval(() => {
    const now = performance.now()
    if (now - before > 300) process.send(now - before)
    before = now
  }, 5)
  process.send('ready')
`

test('a process of a trial can be held up and stopped, and each lasts as long as it is to', async () => {
  const child = new Child({
    name: 'the child',
    command: [process.execPath, '--import', built('in-child'), '-e', SLEEPLESS],
    output,
  })
  const said: unknown[] = []
  child.onMessage((message) => said.push(message))
  const standstills = () => said.filter((message) => typeof message === 'number')
  await waitFor('it to run', () => said.includes('ready'))

  await child.stall(400)
  await waitFor('it to say that it stood still', () => standstills().some((ms) => ms >= 400))

  const before = standstills().length
  child.freeze()
  await new Promise((resolve) => setTimeout(resolve, 400))
  expect(standstills()).toHaveLength(before)
  child.thaw()
  await waitFor('it to say that it stood still again', () => standstills().length > before)

  expect(await child.stop()).toEqual({ code: null, signal: 'SIGTERM' })
  // Nobody is there to be waited for.
  await child.stall(60_000)
})

test('a process of a trial ends with it, also when it is stopped and the trial is killed', async () => {
  const trial = `
    const { Child } = await import('${built('child')}')
    const child = new Child({
      name: 'the child',
      command: [process.execPath, '--import', '${built('in-child')}', '-e', 'setInterval(() => undefined, 1_000); process.send("ready")'],
      output: '${output}',
    })
    child.onMessage(() => {
      child.freeze()
      console.log(child.pid)
    })
  `
  const killed = spawn(process.execPath, ['--input-type=module', '-e', trial], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [pid] = await once(killed.stdout, 'data')
  expect(isAlive(Number(pid))).toBe(true)
  killed.kill('SIGKILL')
  await waitFor('its child to end', () => !isAlive(Number(pid)))
})
