import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Foundation } from '../../../src/core/group/foundation.ts'
import { addressInstanceId } from '../../../src/stores/address-id.ts'
import { type FileStore, fileStore } from '../../../src/stores/file-store.ts'
import { memoryStore } from '../../../src/stores/memory-store.ts'

const foundation: Foundation = { generation: 1_700_000_000, defaultCeilingMs: 6_000, ceilingsMs: { slow: 20_000 } }

let root = ''
let directory = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'caucus-store-'))
  directory = join(root, 'deep', 'data')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

const withStore = async <Result>(use: (store: FileStore) => Promise<Result>, clusterId?: string): Promise<Result> => {
  const store = await fileStore(directory, { clusterId })
  try {
    return await use(store)
  } finally {
    await store.close()
  }
}
const file = () => join(directory, 'foundation.json')
const fault = (opening: Promise<unknown>) =>
  opening.then(
    () => expect.fail('it opened'),
    (error) => error,
  )

describe('a data directory', () => {
  test('gives back what was saved, and who it is, to the next start', async () => {
    const first = await withStore(async (store) => {
      expect(await store.load()).toBeUndefined()
      await store.save(foundation)
      expect(await store.load()).toEqual(foundation)
      return { instanceId: store.instanceId, clusterId: store.clusterId }
    })
    await withStore(async (store) => {
      expect(store.durable).toBe(true)
      expect(await store.load()).toEqual(foundation)
      expect({ instanceId: store.instanceId, clusterId: store.clusterId }).toEqual(first)
    })
  })

  test('carries out what is asked in order, the last one wins, and nothing is left lying about', async () => {
    await withStore(async (store) => {
      const saves = Array.from({ length: 20 }, (_, i) => store.save({ ...foundation, generation: i + 1 }))
      await Promise.all(saves)
      expect((await store.load())?.generation).toBe(20)
    })
    expect(readdirSync(directory)).toEqual(['foundation.json'])
  })

  test('waits at closing for what has been asked, and takes nothing after it', async () => {
    const store = await fileStore(directory)
    const saving = store.save(foundation)
    await store.close()
    await saving
    await expect(store.save(foundation)).rejects.toMatchObject({ code: 'CAUCUS_CLOSED' })
    await withStore(async (next) => expect(await next.load()).toEqual(foundation))
  })

  test('forgets what a crash in the middle of a write left, and keeps what was there', async () => {
    await withStore((store) => store.save(foundation))
    writeFileSync(`${file()}.new-half`, '{"version":1,')
    await withStore(async (store) => expect(await store.load()).toEqual(foundation))
    expect(readdirSync(directory)).toEqual(['foundation.json'])
  })

  test('belongs to one cluster', async () => {
    await withStore(async (store) => expect(store.clusterId).toBe('north'), 'north')
    expect(await fault(fileStore(directory, { clusterId: 'south' }))).toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringContaining('belongs to the cluster "north"'),
    })
    await withStore(async (store) => expect(store.clusterId).toBe('north'))
  })

  test.each([
    ['cut short', (text: string) => text.slice(0, 40)],
    ['empty', () => ''],
    ['of another form', () => '[]'],
    ['changed', (text: string) => text.replace('1700000000', '1700000001')],
    ['without its content', () => '{"version":1,"checksum":"x"}'],
  ])('whose file is %s stops the start, says what to do, and touches nothing', async (_what, spoil) => {
    await withStore((store) => store.save(foundation))
    const spoilt = spoil(readFileSync(file(), 'utf8'))
    writeFileSync(file(), spoilt)
    expect(await fault(fileStore(directory))).toMatchObject({
      code: 'CAUCUS_BACKEND',
      message: expect.stringMatching(/foundation\.json is damaged: .*Put back a copy/),
    })
    expect(readFileSync(file(), 'utf8')).toBe(spoilt)
    expect(readdirSync(directory)).toEqual(['foundation.json'])
  })

  test('of a newer version is left to that version', async () => {
    await withStore((store) => store.save(foundation))
    writeFileSync(file(), readFileSync(file(), 'utf8').replace('"version": 1', '"version": 2'))
    expect(await fault(fileStore(directory))).toMatchObject({ code: 'CAUCUS_INVALID_CONFIG' })
  })

  test('is not a file, nor below one', async () => {
    mkdirSync(join(root, 'deep'))
    writeFileSync(directory, 'something else')
    for (const path of [directory, join(directory, 'below')]) {
      expect(await fault(fileStore(path))).toMatchObject({
        code: 'CAUCUS_INVALID_CONFIG',
        message: expect.stringContaining('not a directory'),
      })
    }
    expect(readFileSync(directory, 'utf8')).toBe('something else')
  })

  test.runIf(existsSync('/proc/self'))('is not where nothing can be made, and that is said at once', async () => {
    for (const path of ['/proc/caucus', '/proc/caucus/data', '/proc/self']) {
      expect(await fault(fileStore(path))).toMatchObject({
        code: 'CAUCUS_INVALID_CONFIG',
        message: expect.stringContaining('give another path'),
      })
    }
  })
})

describe('the lock of a data directory', () => {
  const lock = () => join(directory, 'lock')
  const owner = () => JSON.parse(readFileSync(lock(), 'utf8'))
  const foreign = (change: object) => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(lock(), JSON.stringify({ ...change }))
  }

  test('keeps a second one out, also of the same process, and lets it in afterwards', async () => {
    await withStore(async () => {
      expect(await fault(fileStore(directory))).toMatchObject({
        code: 'CAUCUS_CONFLICT',
        message: expect.stringContaining(`in use by the process ${process.pid}`),
      })
    })
    expect(existsSync(lock())).toBe(false)
    await withStore(async () => undefined)
  })

  test('of several at once lets exactly one in', async () => {
    const opened = await Promise.allSettled(Array.from({ length: 8 }, () => fileStore(directory)))
    const stores = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
    expect(stores).toHaveLength(1)
    await stores[0]?.close()
    expect(readdirSync(directory)).toEqual(['foundation.json'])
  })

  test('of a process that was killed is taken over', async () => {
    const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const pid = child.pid as number
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const pidNamespace = readlinkSync('/proc/self/ns/pid')
    foreign({ bootId, pidNamespace, pid, startedAt: stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19], token: 't' })
    expect(await fault(fileStore(directory))).toMatchObject({ code: 'CAUCUS_CONFLICT', details: { pid } })
    child.kill('SIGKILL')
    await once(child, 'exit')
    await withStore(async () => expect(owner().pid).toBe(process.pid))
  })

  test.each([
    ['of a process with our pid that started at another time, as in a restarted container', { startedAt: '1' }],
    ['of a pid that nobody has', { pid: 2 ** 30 }],
  ])('%s is taken over', async (_what, change) => {
    let ours = {}
    await withStore(async () => {
      ours = owner()
    })
    foreign({ ...ours, token: 'other', ...change })
    await withStore(async (store) => store.save(foundation))
  })

  test('that is no lock at all is taken over', async () => {
    mkdirSync(directory, { recursive: true })
    writeFileSync(lock(), '')
    const store = await fileStore(directory, { pause: async () => undefined })
    await store.save(foundation)
    await store.close()
  })

  test('that somebody took away keeps the one who lost it from writing', async () => {
    const store = await fileStore(directory)
    await store.save(foundation)
    foreign({ bootId: 'x', pid: 1, token: 'thief' })
    await expect(store.save({ ...foundation, generation: 2 })).rejects.toMatchObject({ code: 'CAUCUS_CONFLICT' })
    await store.close()
    expect(owner().token).toBe('thief')
  })
})

/** Mounts a tiny file system, where this user may; otherwise the test is skipped, and says so. */
const tinyDisk = (): string | undefined => {
  const disk = join(root, 'tiny')
  mkdirSync(disk)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', disk], { stdio: 'ignore' })
    return disk
  } catch {
    return undefined
  }
}

describe('a disk', () => {
  let disk: string | undefined
  afterEach(() => {
    if (disk !== undefined) execFileSync('umount', [disk])
    disk = undefined
  })

  test('that is full, or read-only, is said to be, and what was saved stays', async ({ skip }) => {
    disk = tinyDisk()
    if (disk === undefined) skip('mounting a tmpfs needs root')
    directory = join(disk as string, 'data')
    const store = await fileStore(directory)
    await store.save(foundation)
    const ballast = join(disk as string, 'ballast')
    execFileSync('sh', ['-c', `dd if=/dev/zero of=${ballast} bs=1k count=100 2>/dev/null; true`])
    await expect(store.save({ ...foundation, generation: 2 })).rejects.toMatchObject({
      code: 'CAUCUS_BACKEND',
      message: expect.stringContaining('the disk is full; make room'),
    })
    rmSync(ballast)
    await store.save({ ...foundation, generation: 3 })
    await store.close()
    await withStore(async (next) => expect((await next.load())?.generation).toBe(3))
    execFileSync('mount', ['-o', 'remount,ro', disk as string])
    expect(await fault(fileStore(directory))).toMatchObject({
      code: 'CAUCUS_INVALID_CONFIG',
      message: expect.stringContaining('read-only'),
    })
  })
})

test('a store in memory says that it does not last', async () => {
  const store = memoryStore()
  expect(store.durable).toBe(false)
  expect(await store.load()).toBeUndefined()
  await store.save(foundation)
  expect(await store.load()).toEqual(foundation)
  expect(memoryStore().instanceId).not.toBe(store.instanceId)
})

test('a server without a directory is known by its address, unless that is any free port', () => {
  expect(addressInstanceId('127.0.0.1', 8989)).toBe(addressInstanceId('127.0.0.1', 8989))
  expect(addressInstanceId('127.0.0.1', 8989)).not.toBe(addressInstanceId('127.0.0.1', 8990))
  expect(addressInstanceId('127.0.0.1', 0)).not.toBe(addressInstanceId('127.0.0.1', 0))
})

test('two machines with one host name are two servers', () => {
  expect(addressInstanceId('0.0.0.0', 8989, 'one')).toBe(addressInstanceId('0.0.0.0', 8989, 'one'))
  expect(addressInstanceId('0.0.0.0', 8989, 'one')).not.toBe(addressInstanceId('0.0.0.0', 8989, 'another'))
})
