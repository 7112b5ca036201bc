import { afterEach, describe, expect, test } from 'vitest'
import { endAll, startNode } from './support/processes.ts'
import { waitFor } from './support/wait.ts'

afterEach(endAll)

describe('the reference', () => {
  test('is what the doc comments and types say, and each exported name has a comment that opens with its promise', async () => {
    const program = startNode(['scripts/reference/main.mjs', '--check'])
    const { code } = await waitFor('the check', () => program.ended(), { withinMs: 50_000 })
    expect(program.stderr()).toBe('')
    expect(code).toBe(0)
  })
})
