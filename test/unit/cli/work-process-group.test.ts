import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { isGroupGone, signalGroup } from '../../../src/cli/work/process-group.ts'

const proc = vi.hoisted(() => ({ stats: new Map<string, string>() }))
vi.mock('node:fs', () => ({
  existsSync: () => true,
  readdirSync: () => [...proc.stats.keys(), 'self'],
  readFileSync: (path: string) => proc.stats.get(path.split('/')[2] as string),
}))

const GROUP = 70

const stat = (pid: number, state: string, threads = 1) =>
  proc.stats.set(
    String(pid),
    `${pid} (a (b) c) ${state} 1 ${[GROUP, ...Array.from({ length: 14 }, () => 0)].join(' ')} ${threads} 0 0`,
  )

const failing = (code: string) => () => {
  throw Object.assign(new Error(`kill ${code}`), { code })
}

const kill = vi.spyOn(process, 'kill')
beforeEach(() => void kill.mockReset().mockReturnValue(true))
afterEach(() => proc.stats.clear())

describe('a process group is gone', () => {
  test('when nobody answers', () => {
    kill.mockImplementation(failing('ESRCH'))
    expect(isGroupGone(GROUP)).toBe(true)
  })

  test('when all that is left is dead, at a second look too', () => {
    stat(70, 'Z')
    expect(isGroupGone(GROUP)).toBe(true)
    expect(kill.mock.calls).toEqual([
      [-GROUP, 0],
      [-GROUP, 'SIGKILL'],
      [-GROUP, 0],
    ])
  })

  test('not while one of them lives', () => {
    stat(70, 'Z')
    stat(71, 'S')
    expect(isGroupGone(GROUP)).toBe(false)
    expect(kill).not.toHaveBeenCalledWith(-GROUP, 'SIGKILL')
  })

  test('not when a child was born after the list was read, and its parent died before its state was', () => {
    stat(70, 'Z')
    kill.mockImplementation((_, signal) => {
      // Killed, and not dead yet.
      if (signal === 'SIGKILL') stat(71, 'R')
      return true
    })
    expect(isGroupGone(GROUP)).toBe(false)
    kill.mockReset().mockReturnValue(true)
    stat(71, 'Z')
    expect(isGroupGone(GROUP)).toBe(true)
  })

  test('not while other threads of a process outlive its first one', () => {
    stat(70, 'Z', 3)
    expect(isGroupGone(GROUP)).toBe(false)
  })

  test('not when somebody there belongs to another user, which is told from nobody', () => {
    kill.mockImplementation(failing('EPERM'))
    stat(70, 'Z')
    expect(signalGroup(GROUP, 'SIGTERM')).toBe('refused')
    expect(isGroupGone(GROUP)).toBe(false)
    kill.mockImplementation(failing('ESRCH'))
    expect(signalGroup(GROUP, 'SIGTERM')).toBe('nobody')
  })
})
