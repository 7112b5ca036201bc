import { describe, expect, test } from 'vitest'
import { roomFor } from '../../../src/server/descriptors.ts'

describe('room for connections', () => {
  test('is what was asked for where there are files enough', () => {
    expect(roomFor(20_000, { openFiles: 1_000_000 })).toEqual({ connections: 20_000, told: 100 })
    expect(roomFor(20_000, { openFiles: Number.POSITIVE_INFINITY })).toEqual({ connections: 20_000, told: 100 })
  })

  test.each([20_000, 4_096, 1_024, 256, 128, 80])('leaves something of %i files for everything else', (files) => {
    const { connections, told } = roomFor(20_000, { openFiles: files })
    expect(connections).toBeGreaterThan(0)
    expect(told).toBeGreaterThan(0)
    expect(connections + told).toBeLessThanOrEqual(files - 64)
  })

  test('is for both ends of what a voter passes on', () => {
    const { connections, told } = roomFor(20_000, { openFiles: 1_024, ends: 2 })
    expect(2 * (connections + told)).toBeLessThanOrEqual(1_024 - 64)
  })

  test('is never nothing', () => {
    expect(roomFor(20_000, { openFiles: 10 }).connections).toBeGreaterThan(0)
  })
})
