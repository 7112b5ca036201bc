import { describe, expect, test } from 'vitest'
import { lackFor, type Need } from './support/needs.ts'

const need = (kind: Need['kind'], reason?: string): Need => ({
  what: `the ${kind}`,
  howToGet: 'Ask for it.',
  kind,
  missing: () => reason,
})

const asked = (needs: readonly Need[], requireAll: boolean) => {
  const said: string[] = []
  const lack = lackFor('a story', needs, { requireAll, say: (sentence) => said.push(sentence) })
  return { lack, said }
}

describe('tests that need something', () => {
  test.each([false, true])('run where all of it is there (everything is required: %s)', (requireAll) => {
    expect(asked([need('tool'), need('machine')], requireAll)).toEqual({ lack: undefined, said: [] })
  })

  test('are skipped aloud where a tool is missing: what, why, and how to get it', () => {
    const { lack, said } = asked([need('machine'), need('tool', 'not found')], false)
    expect(lack).toBe('a story: skipped for want of the tool (not found). Ask for it.')
    expect(said).toEqual([lack])
  })

  test('fail where a tool is missing and everything is required', () => {
    expect(() => asked([need('tool', 'not found')], true)).toThrow(
      /want of the tool \(not found\).*CAUCUS_REQUIRE_ALL=1/,
    )
  })

  test('are skipped aloud, even there, where the machine forbids it', () => {
    const { lack, said } = asked([need('tool'), need('machine', 'not permitted')], true)
    expect(said).toEqual([lack])
    expect(lack).toContain('the machine (not permitted)')
  })

  test('do not look for what comes after something that is missing', () => {
    const later: Need = {
      ...need('machine'),
      missing: () => {
        throw new Error('looked')
      },
    }
    expect(() => asked([need('tool', 'not found'), later], false)).not.toThrow()
  })
})
