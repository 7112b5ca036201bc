import { spawnSync } from 'node:child_process'
import type { Need } from './needs.ts'

const fault = (file: string, ...args: string[]): string | undefined => {
  const { status, error, stderr } = spawnSync(file, args, { encoding: 'utf8' })
  return status === 0 ? undefined : (error?.message ?? stderr.trim().split('\n').at(-1) ?? `exit ${status}`)
}

const run = (file: string, ...args: string[]): void => {
  const why = fault(file, ...args)
  if (why !== undefined) throw new Error(`${file} ${args.join(' ')}: ${why}`)
}

export const PRLIMIT: Need = {
  what: 'the program prlimit, which limits a process that runs',
  howToGet: 'On Debian and Ubuntu: apt-get install util-linux, on Linux.',
  kind: 'tool',
  missing: () => fault('prlimit', '--version'),
}

export const MOUNTS: Need = {
  what: 'the right to mount a small file system',
  howToGet: 'Run as root, in a container with CAP_SYS_ADMIN.',
  kind: 'machine',
  missing: () => fault('unshare', '--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'),
}

export const LOOPBACK_NET: Need = {
  what: 'more than one address of loopback',
  howToGet:
    'Linux has all of 127.0.0.0/8; elsewhere add 127.0.0.2 and 127.0.0.10 to 127.0.0.17 to the loopback interface.',
  kind: 'machine',
  missing: () =>
    fault(process.execPath, '-e', 'require("net").createServer().listen(0, "127.0.0.2", function () { this.close() })'),
}

/** Limits a process from now on, in a way that can be taken back: only what it may use, not what it may ever be given again. */
export const limit = (pid: number, resource: 'nofile' | 'fsize', soft: number | 'unlimited'): void =>
  run('prlimit', `--${resource}=${soft}:`, '--pid', String(pid))

/** A disk of so many bytes, until it is removed. */
export class SmallDisk {
  readonly folder: string

  constructor(folder: string, bytes: number) {
    this.folder = folder
    run('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', folder)
  }

  remount(how: 'ro' | 'rw'): void {
    run('mount', '-o', `remount,${how}`, this.folder)
  }

  remove(): void {
    run('umount', '--lazy', this.folder)
  }
}
