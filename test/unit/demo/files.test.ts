import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { appendFileSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { digestOf, fullPath, isUnchanged, listFiles } from '../../../src/demo/files.ts'
import { folderWith } from './folder.ts'

const nothing = () => false
const always = () => true
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

describe('listing a folder', () => {
  test('finds every regular file below it, and follows no link', async () => {
    const dir = folderWith({ 'b.txt': '', 'a/c/d.txt': '', 'a/.hidden': '' })
    symlinkSync(join(dir, 'b.txt'), join(dir, 'link'))
    symlinkSync(dir, join(dir, 'a', 'loop'))
    execFileSync('mkfifo', [join(dir, 'pipe')])
    expect(await listFiles(dir, nothing)).toEqual({ files: ['a/.hidden', 'a/c/d.txt', 'b.txt'], problems: [] })
  })

  test('finds files whose names are not UTF-8', async () => {
    const dir = folderWith()
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/x`), Buffer.from([0xff])]), 'odd')
    const { files } = await listFiles(dir, nothing)
    expect(files).toEqual(['x\udcff'.replace('x', '\u0078')])
    expect(await digestOf(fullPath(dir, files[0] ?? ''), always)).toMatchObject({ hash: sha256('odd') })
  })

  test('leaves out what is its own, and reports a folder that is not there', async () => {
    const dir = folderWith({ a: '', 'ours/b': '' })
    expect((await listFiles(dir, (file) => file === join(dir, 'ours'))).files).toEqual(['a'])
    expect((await listFiles(join(dir, 'gone'), nothing)).problems).toEqual([{ path: '.', reason: 'vanished' }])
  })
})

describe('hashing a file', () => {
  test('gives its SHA-256, and by what a change is noticed', async () => {
    const dir = folderWith({ big: 'x'.repeat(1_000_000), empty: '' })
    const digest = await digestOf(fullPath(dir, 'big'), always)
    expect(digest).toMatchObject({ hash: sha256('x'.repeat(1_000_000)), bytes: 1_000_000 })
    expect(await digestOf(fullPath(dir, 'empty'), always)).toMatchObject({ hash: sha256(''), bytes: 0 })
  })

  test('stops as soon as the file is no longer ours', async () => {
    const dir = folderWith({ big: 'x'.repeat(1_000_000) })
    let asked = 0
    expect(await digestOf(fullPath(dir, 'big'), () => ++asked < 2)).toBeUndefined()
    expect(asked).toBe(2)
  })

  test('says why there is none', async () => {
    const dir = folderWith({ file: 'x', other: 'y' })
    const reason = (path: string, goOn = always) => digestOf(fullPath(dir, path), goOn)
    expect(await reason('gone')).toEqual({ problem: 'vanished' })
    expect(await reason('file/below')).toEqual({ problem: 'vanished' })
    renameSync(join(dir, 'other'), join(dir, 'moved'))
    symlinkSync(join(dir, 'moved'), join(dir, 'other'))
    expect(await reason('other')).toEqual({ problem: 'became a link' })
    rmSync(join(dir, 'other'))
    execFileSync('mkfifo', [join(dir, 'other')])
    expect(await reason('other')).toEqual({ problem: 'is no longer a regular file' })
    const grow = () => {
      appendFileSync(join(dir, 'file'), 'more'.repeat(1_000))
      return true
    }
    let left = 3
    expect(await reason('file', () => left-- <= 0 || grow())).toEqual({ problem: 'changed while it was read' })
  })

  test('a change afterwards is noticed', async () => {
    const dir = folderWith({ file: 'before' })
    const path = fullPath(dir, 'file')
    const digest = await digestOf(path, always)
    if (digest === undefined || 'problem' in digest) throw new Error('it was there')
    expect(await isUnchanged(path, digest)).toBe(true)
    utimesSync(path, 1, 1)
    expect(await isUnchanged(path, digest)).toBe(false)
    rmSync(path)
    expect(await isUnchanged(path, digest)).toBeUndefined()
  })
})
