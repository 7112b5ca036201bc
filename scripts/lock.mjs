import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 100
/** Longer than any install takes: a lock this old belongs to nobody, whoever has its process id by now. */
const STALE_MS = 15 * 60_000

/** Runs `work` while no other process runs under the same lock file. The lock of a process that ended is taken over. */
export const withLock = async (file, work) => {
  mkdirSync(dirname(file), { recursive: true })
  await acquire(file)
  try {
    return await work()
  } finally {
    rmSync(file, { force: true })
  }
}

const acquire = async (file) => {
  let told = false
  for (;;) {
    if (create(file)) return
    const holder = holderOf(file)
    if (holder === undefined) continue
    if (!holder.alive) {
      if (await takeOver(file)) return
      continue
    }
    if (!told) console.error(`Waiting for process ${holder.pid}, which is installing or building here (${file}).`)
    told = true
    await sleep(POLL_MS)
  }
}

const create = (file) => {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

const holderOf = (file) => {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    const old = Date.now() - statSync(file).mtimeMs > STALE_MS
    // An empty file is a lock whose owner is between creating and writing it, unless it is old.
    return { pid, alive: !old && (pid === 0 || isRunning(pid)) }
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

const isRunning = (pid) => {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** Two may try at once: the last rename wins, and each looks a moment later whose name stands there. */
const takeOver = async (file) => {
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, String(process.pid))
  renameSync(mine, file)
  await sleep(POLL_MS)
  return holderOf(file)?.pid === process.pid
}
