// Compiles src/ into dist/, and bundles web/ into dist/web, each with the licences of what is in it. A build that fails leaves the dist/ that was there as it was.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { withLock } from './lock.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))
export const lockFile = join(root, '.tmp', 'ready.lock')

const dist = join(root, 'dist')
const stamp = join(dist, '.source-hash')
const web = join(root, 'web')
const oneFile = join(root, 'scripts', 'one-file.config.mjs')
/** What `oneFile` is about. */
const type = join(root, 'src', 'wire', 'type.ts')
const tools = ['typescript', 'vite', 'preact', 'uplot', '@sinclair/typebox'].map((name) =>
  join(root, 'node_modules', name, 'package.json'),
)

/** True while dist/ is what the present sources, settings and compiler give. */
export const isBuilt = () => existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceHash()

/** Builds beside dist/ and swaps it in when it is whole. The caller holds the lock. */
export const build = () => {
  for (const left of readdirSync(root)) {
    if (/^\.build-(new|old)-\d+$/.test(left)) rmSync(join(root, left), { recursive: true, force: true })
  }
  // Beside dist/, not below another folder: the source maps say how to get from there to src/.
  const fresh = join(root, `.build-new-${process.pid}`)
  const old = join(root, `.build-old-${process.pid}`)

  const bundle = (what, folder) => {
    const all = ['build', ...what, '--outDir', join(fresh, folder), '--logLevel', 'warn']
    runTool('vite', join('vite', 'bin', 'vite.js'), all)
  }

  // Taken before compiling: a file that changes meanwhile makes the result count as out of date.
  const hash = sourceHash()
  try {
    runTool('tsc', join('typescript', 'bin', 'tsc'), ['-p', join(root, 'tsconfig.json'), '--outDir', fresh])
    if (existsSync(type)) bundle(['--config', oneFile], 'wire')
    if (existsSync(web)) bundle([web], 'web')
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true })
    throw error
  }
  writeFileSync(join(fresh, '.source-hash'), hash)
  if (existsSync(dist)) renameSync(dist, old)
  renameSync(fresh, dist)
  rmSync(old, { recursive: true, force: true })
}

const runTool = (name, path, args) => {
  const { status, signal, error } = spawnSync(
    process.execPath,
    [join(root, 'node_modules', path), ...args],
    // Standard output belongs to whoever runs this (`npm pack --json`, for one).
    { cwd: root, stdio: ['ignore', 2, 2] },
  )
  if (status === 0) return
  throw new Error(`The build failed (${name}: ${error?.message ?? signal ?? `exit ${status}`}); dist/ is as it was.`)
}

const sourceHash = () => {
  const hash = createHash('sha256')
  const add = (file) =>
    hash
      .update(`${relative(root, file).split(sep).join('/')}\0`)
      .update(readFileSync(file))
      .update('\0')
  for (const file of ['tsconfig.json', 'scripts/build.mjs', 'scripts/one-file.config.mjs']) add(join(root, file))
  for (const tool of tools) if (existsSync(tool)) hash.update(JSON.parse(readFileSync(tool, 'utf8')).version)
  for (const folder of ['src', 'web']) {
    if (existsSync(join(root, folder))) for (const file of filesBelow(join(root, folder))) add(file)
  }
  return hash.digest('hex')
}

const filesBelow = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? filesBelow(path) : [path]
    })

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await withLock(lockFile, build)
  } catch (error) {
    console.error(error.message)
    process.exitCode = 1
  }
}
