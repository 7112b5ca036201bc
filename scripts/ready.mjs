// Makes a checkout ready to run: the right Node, the dependencies of the lockfile, an up-to-date dist/.
// Says nothing and takes no time when there is nothing to do. `npm start`, `npm test` and the others begin with it.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, isBuilt, lockFile, root } from './build.mjs'
import { withLock } from './lock.mjs'

const NEEDED = [20, 19]

const nodeIsNewEnough = (version) => {
  const [major, minor] = version.split('.').map(Number)
  return major > NEEDED[0] || (major === NEEDED[0] && minor >= NEEDED[1])
}

const readJson = (...path) => JSON.parse(readFileSync(join(root, ...path), 'utf8'))

/**
 * True when node_modules holds what the lockfile names. npm writes the list of what it installed last, so an install
 * that was cut off has none; packages for other machines are in the lockfile but are rightly not installed.
 */
const isInstalled = () => {
  if (!existsSync(join(root, 'node_modules', '.package-lock.json'))) return false
  const manifest = readJson('package.json')
  const { packages: wanted } = readJson('package-lock.json')
  const { packages: installed } = readJson('node_modules', '.package-lock.json')
  const same = (a, b) =>
    JSON.stringify(Object.entries(a ?? {}).sort()) === JSON.stringify(Object.entries(b ?? {}).sort())
  return (
    ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'].every((kind) =>
      same(manifest[kind], wanted[''][kind]),
    ) &&
    Object.entries(wanted).every(([path, { version, optional, peer }]) => {
      if (path === '') return true
      const found = installed[path]
      if (found === undefined) return optional === true || peer === true
      return found.version === version && existsSync(join(root, path))
    })
  )
}

const install = () => {
  console.error('Installing the dependencies of package-lock.json (npm ci) …')
  const { status, error } = spawnSync('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm ci failed (${error?.message ?? `exit ${status}`}); what it said stands above.`)
}

const makeReady = () => {
  if (!isInstalled()) install()
  if (!isBuilt()) {
    console.error('Building src/ and web/ into dist/ …')
    build()
  }
}

try {
  if (!nodeIsNewEnough(process.versions.node)) {
    throw new Error(
      `Caucus needs Node ${NEEDED.join('.')} or newer, and this is Node ${process.versions.node} (${process.execPath}). Install a newer one and try again.`,
    )
  }
  if (!(isInstalled() && isBuilt())) await withLock(lockFile, makeReady)
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
