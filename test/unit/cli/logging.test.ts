import { describe, expect, test } from 'vitest'
import { type LogOptions, logTo, wantsColors } from '../../../src/cli/logging.ts'
import { formatTable } from '../../../src/cli/table.ts'
import { CaucusError } from '../../../src/errors.ts'

const logging = (options: Partial<LogOptions> = {}) => {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  return {
    lines,
    logger: logTo({ level: 'info', format: 'pretty', colors: false, write, wallMs: () => 0, ...options }),
  }
}

describe('the log', () => {
  test('is a line for people', () => {
    const { lines, logger } = logging()
    logger.debug({ event: 'link.opened' }, 'not important')
    logger.info({ event: 'server.started', url: 'http://[::1]:1', leaseMs: 4_000, who: 'a b' }, 'serving')
    expect(lines).toEqual([
      '00:00:00.000 info serving event=server.started url="http://[::1]:1" leaseMs=4000 who="a b"',
    ])
  })

  test('does not say an event twice that has no other words', () => {
    const { lines, logger } = logging()
    logger.info({ event: 'leader.elected', term: 3 }, 'leader.elected')
    expect(lines).toEqual(['00:00:00.000 info leader.elected term=3'])
  })

  test('is a line of JSON with the names that collectors know', () => {
    const { lines, logger } = logging({ format: 'json' })
    logger.warn(
      { event: 'join.refused', msg: 'forged', level: 'x', err: new CaucusError('CAUCUS_CONFLICT', 'taken') },
      'refused',
    )
    expect(JSON.parse(lines[0] as string)).toEqual({
      level: 'warn',
      time: '1970-01-01T00:00:00.000Z',
      event: 'join.refused',
      msg: 'refused',
      err: 'taken (CAUCUS_CONFLICT)',
    })
  })

  test('is not forged, and does not paint the terminal, by what others chose as their names', () => {
    const { lines, logger } = logging()
    logger.info({ event: 'member.joined', member: 'a\n00:00:00.000 error \x1b[31mpwned' }, 'joined \x1b[2J')
    expect(lines).toHaveLength(1)
    expect(lines[0]).not.toContain('\n')
    expect(lines[0]).not.toContain('\x1b')
    expect(formatTable(['ID'], [['\x1b[2J\nx']])).toBe('ID\n\\u001b[2J\\nx')
  })

  test('has the stack of what is a fault of ours', () => {
    const { lines, logger } = logging({ format: 'json' })
    logger.error({ event: 'coordinator.failed', err: new Error('broken') }, 'failed')
    expect(lines[0]).toMatch(/Error: broken\\n +at /)
  })
})

test('colours are for terminals whose user wants them', () => {
  expect(wantsColors({ isTTY: true }, {})).toBe(true)
  expect(wantsColors({ isTTY: true }, { NO_COLOR: '1' })).toBe(false)
  expect(wantsColors({ isTTY: true }, { TERM: 'dumb' })).toBe(false)
  expect(wantsColors({}, {})).toBe(false)
})
