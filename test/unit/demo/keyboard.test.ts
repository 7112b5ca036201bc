import { EventEmitter } from 'node:events'
import { expect, test, vi } from 'vitest'
import { type DemoKey, demoKeysIn, KEYS, Keyboard } from '../../../src/cli/demo/keyboard.ts'

test('each key that is said to be one does something', () => {
  const letters = [...KEYS.matchAll(/(?:^| {2})(\w) /g)].map(([, letter = '']) => letter)
  expect(letters.join('')).toBe('kfcarlq')
  expect(demoKeysIn(letters.join(''))).toEqual([
    { deed: { do: 'kill' } },
    'freeze',
    'cut',
    { deed: { do: 'add' } },
    { deed: { do: 'deploy' } },
    { deed: { do: 'failover' } },
    'quit',
  ])
  expect(demoKeysIn('\x03\x1a')).toEqual(['interrupt', 'suspend'])
})

test('what means nothing is passed over, and no part of an arrow is taken for a key', () => {
  expect(demoKeysIn('\x1b[A\x1bOC\x1b[1;5kKX1 é\n')).toEqual([])
})

test('a terminal is taken and given back, once, and what is no terminal is left alone', () => {
  const modes: boolean[] = []
  const input = Object.assign(new EventEmitter(), {
    isTTY: true,
    setRawMode: (mode: boolean) => void modes.push(mode),
    setEncoding: vi.fn(),
    resume: vi.fn(),
    pause: vi.fn(),
  })
  const keys: DemoKey[] = []
  const keyboard = Keyboard.of(input as unknown as Parameters<typeof Keyboard.of>[0], (key) => keys.push(key))
  keyboard?.take()
  keyboard?.take()
  input.emit('data', 'f')
  keyboard?.give()
  keyboard?.give()
  input.emit('data', 'f')
  expect([modes, keys]).toEqual([[true, false], ['freeze']])
  expect(input.pause).toHaveBeenCalledOnce()
  const pipe = { ...input, isTTY: false }
  expect(Keyboard.of(pipe as unknown as Parameters<typeof Keyboard.of>[0], () => {})).toBeUndefined()
})
