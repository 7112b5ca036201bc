import { describe, expect, test } from 'vitest'
import { globMatcher } from '../../../src/config/glob.ts'
import { parseTokenFile } from '../../../src/config/token-file.ts'
import { isCaucusError } from '../../../src/errors.ts'

const faultOf = (value: unknown): string => {
  try {
    parseTokenFile(typeof value === 'string' ? value : JSON.stringify(value), 'tokens')
  } catch (error) {
    if (isCaucusError(error) && error.code === 'CAUCUS_INVALID_CONFIG') return error.message
    throw error
  }
  return expect.fail('it was taken')
}

describe('a pattern', () => {
  test.each([
    ['jobs', ['jobs'], ['job', 'jobs-1', 'Jobs', '']],
    ['jobs-*', ['jobs-', 'jobs-1', 'jobs-a-b'], ['jobs', 'my-jobs-1']],
    ['*', ['', 'anything', 'a*b'], []],
    ['*.example', ['a.example', '.example'], ['a.example.org', 'aXexample']],
    ['a*b*c', ['abc', 'aXbYc', 'abbcc'], ['ab', 'acb', 'abcd']],
    ['a*a', ['aa', 'aba'], ['a']],
    ['*ab*ab*', ['abab', 'xabyabz'], ['ab', 'aab']],
    ['a**b', ['ab', 'axb'], ['a', 'b']],
    ['[a]?.+', ['[a]?.+'], ['a', 'ab']],
  ])('%j fits what it says and nothing else', (pattern, fitting, others) => {
    const fits = globMatcher(pattern)
    expect(fitting.filter((text) => !fits(text))).toEqual([])
    expect(others.filter((text) => fits(text))).toEqual([])
  })

  test('puts the name of whoever it is for where it says {identity}, letter by letter', () => {
    const fits = globMatcher('{identity}-*', 'w*.example$&')
    expect(['w*.example$&-1', 'w*.example$&-'].every(fits)).toBe(true)
    expect(fits('wX.example$&-1')).toBe(false)
    expect(globMatcher('{identity}')('{identity}')).toBe(true)
  })

  test('never tries again: what would keep a backtracking matcher busy for ever takes no time', () => {
    const fits = globMatcher(`${'*a'.repeat(200)}*b`)
    expect(fits('a'.repeat(100_000))).toBe(false)
  })
})

describe('a token file', () => {
  test('of one token a line lets each of them do everything', () => {
    const rules = parseTokenFile('\uFEFF first-token\r\n\n second-token \n'.replace('\uFEFF', ''), 'tokens')
    expect(rules).toEqual([
      { name: 'token-1', credential: { type: 'token', token: 'first-token' }, grant: { role: 'admin' } },
      { name: 'token-3', credential: { type: 'token', token: 'second-token' }, grant: { role: 'admin' } },
    ])
  })

  test('of JSON says who may do what, where, and as whom', () => {
    const sha256 = 'AB'.repeat(32)
    const rules = parseTokenFile(
      JSON.stringify([
        'a-token-of-ours',
        { name: 'jobs', token: 'another-token', role: 'member', groups: ['jobs-*'], members: ['jobs-*'] },
        { name: 'dashboard', sha256, role: 'read' },
        { identity: '*.workers.example', role: 'member', members: ['{identity}'], topics: ['shop-*', '{identity}'] },
      ]),
      'tokens',
    )
    expect(rules).toEqual([
      { name: 'token-1', credential: { type: 'token', token: 'a-token-of-ours' }, grant: { role: 'admin' } },
      {
        name: 'jobs',
        credential: { type: 'token', token: 'another-token' },
        grant: { role: 'member', groups: ['jobs-*'], members: ['jobs-*'] },
      },
      { name: 'dashboard', credential: { type: 'sha256', sha256: 'ab'.repeat(32) }, grant: { role: 'read' } },
      {
        name: undefined,
        credential: { type: 'certificate', pattern: '*.workers.example' },
        grant: { role: 'member', members: ['{identity}'], topics: ['shop-*', '{identity}'] },
      },
    ])
  })

  test.each([
    ['\n \n', 'tokens holds no token; write one into its first line'],
    ['good-token\nshort', 'line 2 of tokens has 5 characters'],
    ['[', 'line 1, column 2'],
    [[], 'must be an array of tokens, not an empty array'],
    [{ tokens: [] }, 'must be an array of tokens, not an object'],
    [[7], 'entry[0] must be a token, or an object'],
    [[12345678], 'identity, not a number'],
    [[{ name: 'a', token: 12345678, role: 'read' }], 'entry[0].token must be a string, not a number'],
    [['short'], 'entry[0] has 5 characters'],
    [
      [{ name: 'a', token: 'long-enough', role: 'member', group: ['x'] }],
      'entry[0] has the unknown key "group"; did you mean groups?',
    ],
    [[{ 'long-enough': 'admin' }], 'entry[0] has a key that is not known'],
    [[{ name: 'a', role: 'member' }], 'entry[0] has none of token, sha256 and identity'],
    [[{ name: 'a', token: 'long-enough', identity: 'b', role: 'member' }], 'entry[0] has token and identity of'],
    [[{ token: 'long-enough', role: 'member' }], 'entry[0].name is missing'],
    [[{ name: 'a\n', token: 'long-enough', role: 'member' }], 'entry[0].name has a control character'],
    [[{ name: 'a', identity: 'b', role: 'member' }], 'entry[0].name is not for certificates'],
    [[{ name: 'a', token: 'long-enough' }], 'entry[0].role is missing'],
    [[{ name: 'a', token: 'long-enough', role: 'toString' }], 'entry[0].role must be one of read, member, admin'],
    [
      [{ name: 'a', token: 'long-enough', role: 'read', groups: [] }],
      'entry[0].groups must be an array of 1 to 100 patterns',
    ],
    [[{ name: 'a', token: 'long-enough', role: 'read', groups: 'jobs' }], 'entry[0].groups must be an array'],
    [[{ name: 'a', token: 'long-enough', role: 'read', members: [''] }], 'entry[0].members[0] is empty'],
    [[{ name: 'a', token: 'long-enough', role: 'read', topics: ['x', 7] }], 'entry[0].topics[1] must be a string'],
    [[{ name: 'a', token: 'long-enough', role: 'read', topic: ['x'] }], 'unknown key "topic"; did you mean topics?'],
    [[{ name: 'a', sha256: 'abc', role: 'read' }], 'entry[0].sha256 must be 64 hexadecimal digits'],
    [
      [
        { name: 'a', token: 'long-enough', role: 'read' },
        { name: 'b', token: 'long-enough', role: 'admin' },
      ],
      'entry[1] has the token of an earlier entry, but another name',
    ],
  ])('%j is refused', (value, fault) => {
    const said = faultOf(value)
    expect(said).toContain(fault)
    expect(said).not.toMatch(/long-enough|good-token|12345678/)
  })

  test('with several slips has all of them told at once', () => {
    const said = faultOf([{ name: 'a', token: 'short', role: 'king', extra: 1 }, 3])
    expect(said.split('; ').length).toBeGreaterThanOrEqual(4)
  })
})
