import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { line, span } from '../../../../src/cli/top/lines.ts'
import { ENTER, LEAVE, Screen } from '../../../../src/cli/top/screen.ts'
import { TinyTerminal } from './tiny-terminal.ts'

const size = { columns: 20, rows: 5 }
const lines = (...texts: string[]) => texts.map((text) => line(text))

describe('what is written to a terminal', () => {
  test('is only what changes', () => {
    const screen = new Screen(false)
    screen.change(lines('a', 'b', 'c'), size)
    expect(screen.change(lines('a', 'b', 'c'), size)).toBe('')
    expect(screen.change(lines('a', 'x', 'c'), size)).toBe('\x1b[2;1H\x1b[2Kx')
    expect(screen.change(lines('a'), size)).toBe('\x1b[2;1H\x1b[2K\x1b[3;1H\x1b[2K')
  })

  test('is everything after another size, and after it was told to forget', () => {
    const screen = new Screen(false)
    screen.change(lines('a'), size)
    expect(screen.change(lines('a'), { ...size, columns: 19 })).toContain('\x1b[2J')
    screen.forget()
    expect(screen.change(lines('a'), { ...size, columns: 19 })).toContain('\x1b[2J')
  })

  test('has colours only where they are wanted', () => {
    const coloured = [[span('a', 'bad'), span('b')]]
    expect(new Screen(true).change(coloured, size)).toContain('\x1b[31ma\x1b[0mb')
    expect(new Screen(false).change(coloured, size)).toBe('\x1b[0m\x1b[2J\x1b[1;1H\x1b[2Kab')
  })

  test('leaves the same screen as drawing all of it', () => {
    const frames = fc.array(fc.array(fc.constantFrom('', 'a', '  b', 'c d', '長い'), { maxLength: 5 }), {
      minLength: 1,
    })
    fc.assert(
      fc.property(frames, (all) => {
        const screen = new Screen(true)
        const followed = new TinyTerminal(size)
        for (const frame of all) followed.write(screen.change(lines(...frame), size))
        const drawn = new TinyTerminal(size)
        drawn.write(new Screen(true).change(lines(...(all.at(-1) ?? [])), size))
        expect(followed.lines).toEqual(drawn.lines)
        expect(followed.complaints).toEqual([])
      }),
    )
  })

  test('takes the terminal over, and gives it back as it was', () => {
    const terminal = new TinyTerminal(size)
    terminal.write('\x1b[?25h\x1b[?7h')
    const before = [...terminal.modes].sort()
    terminal.write(ENTER)
    expect([...terminal.modes]).toEqual(['?1049'])
    terminal.write(LEAVE)
    expect([...terminal.modes].sort()).toEqual(before)
  })
})
