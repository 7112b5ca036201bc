import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { manifestsOf, repository, textOf } from '../unit/deploy/support.ts'
import { lackFor, type Need } from './support/needs.ts'

const run = promisify(execFile)

const program = (file: string, args: string[], debianPackage: string): Need => ({
  what: file,
  howToGet: `On Debian: apt-get install ${debianPackage}.`,
  kind: 'tool',
  missing: () => {
    const { error, status } = spawnSync(file, args, { stdio: 'ignore' })
    return error?.message ?? (status === 0 ? undefined : `it ended with ${status}`)
  },
})
// Never required: a container has no systemd, and the unit is looked at without it, too (test/unit/deploy).
const noSystemd = lackFor('the unit', [program('systemd-analyze', ['--version'], 'systemd')], { requireAll: false })
const noPromtool = lackFor('the alert rules', [program('promtool', ['--version'], 'prometheus')])

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'caucus-deploy-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.skipIf(noSystemd)('systemd takes the unit, and finds what runs well confined', async () => {
  const installed = join(folder, 'caucus')
  writeFileSync(installed, '#!/bin/sh\n')
  chmodSync(installed, 0o755)
  const unit = join(folder, 'caucus.service')
  writeFileSync(unit, textOf('deploy/systemd/caucus.service').replace('ExecStart=caucus ', `ExecStart=${installed} `))
  const { stdout, stderr } = await run('systemd-analyze', ['verify', '--man=no', unit])
  expect(`${stdout}${stderr}`).toBe('')
  // 0 is confined from everything and 10 from nothing; services without a word about it are at 9.
  await run('systemd-analyze', ['security', '--offline=true', '--threshold=20', unit])
})

test.skipIf(noPromtool)(
  'promtool takes the rules, and each of them fires when it is to, and not when it is not',
  async () => {
    const rules = (name: string) => join(repository, 'deploy/prometheus', name)
    await run('promtool', ['check', 'rules', rules('alerts.yml')])
    await run('promtool', ['test', 'rules', rules('alerts.test.yml')])
  },
)

/** Kubernetes leaves out, in silence or with a warning, what it does not know: a slip of the pen in a key would be a setting that is not there. */
test('the manifests are what Kubernetes knows, to the last key', async () => {
  const types: Readonly<Record<string, string>> = {
    Service: 'core/v1',
    Deployment: 'apps/v1',
    StatefulSet: 'apps/v1',
    PodDisruptionBudget: 'policy/v1',
    NetworkPolicy: 'networking/v1',
  }
  const lines = manifestsOf().all.map((manifest, index) => {
    const { kind } = manifest
    return `import type { ${kind} as Kind${index} } from 'kubernetes-types/${types[kind]}.d.ts'
export const manifest${index}: Kind${index} = ${JSON.stringify(manifest, null, 2)}
`
  })
  const compile = async (name: string, text: string): Promise<string> => {
    const file = join(repository, '.tmp', `deploy-${process.pid}`, `${name}.ts`)
    mkdirSync(join(file, '..'), { recursive: true })
    writeFileSync(file, text)
    const tsc = join(repository, 'node_modules/typescript/bin/tsc')
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', '--types', 'node']
    try {
      const { stdout } = await run(process.execPath, [tsc, ...options, '--ignoreConfig', file], { cwd: repository })
      return stdout
    } catch (error) {
      return (error as { stdout: string }).stdout
    } finally {
      rmSync(join(file, '..'), { recursive: true, force: true })
    }
  }
  const text = lines.join('')
  expect(await compile('manifests', text)).toBe('')
  expect(await compile('slip', text.replace('"readOnlyRootFilesystem"', '"readOnlyRootFileSystem"'))).toContain('TS2')
  expect(await compile('type', text.replace('"replicas": 3', '"replicas": "3"'))).toContain('TS2')
})
