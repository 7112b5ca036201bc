import { describe, expect, test } from 'vitest'
import { textOf } from './support.ts'

/** `Section.Key` with every value that it is given, in order. */
const settings = new Map<string, string[]>()
let section = ''
for (const line of textOf('deploy/systemd/caucus.service').split('\n')) {
  if (line === '' || line.startsWith('#')) continue
  const header = /^\[(\w+)\]$/.exec(line)?.[1]
  const [, key, value = ''] = /^(\w+)=(.*)$/.exec(line) ?? []
  if (header !== undefined) section = header
  else if (key === undefined) throw new Error(`no setting: ${line}`)
  else settings.set(`${section}.${key}`, [...(settings.get(`${section}.${key}`) ?? []), value])
}
const the = (name: string) => settings.get(`Service.${name}`)

describe('the systemd unit', () => {
  test('says each thing once', () => {
    expect([...settings].filter(([, values]) => values.length > 1)).toEqual([])
  })

  test('keeps its data where systemd makes a folder for it', () => {
    expect(the('ExecStart')).toEqual(['caucus serve --config /etc/caucus/caucus.json --data-dir /var/lib/caucus'])
    expect(the('StateDirectory')).toEqual(['caucus'])
    expect(the('StateDirectoryMode')).toEqual(['0700'])
    expect(the('Environment')).toEqual(['CAUCUS_TOKEN_FILE=/etc/caucus/access.json'])
  })

  test('is started again after a failure, but not by a wrong configuration, and is stopped by SIGTERM', () => {
    expect([the('Restart'), the('RestartPreventExitStatus')]).toEqual([['on-failure'], ['2']])
    expect([the('KillSignal'), the('KillMode')]).toEqual([['SIGTERM'], ['mixed']])
    expect(Number(the('TimeoutStopSec')?.[0])).toBeGreaterThanOrEqual(30)
  })

  test('lets node compile, and lets it know which boot this is', () => {
    expect(the('MemoryDenyWriteExecute')).toBeUndefined()
    expect(the('ProcSubset')).toBeUndefined()
  })

  test('installs the user that it runs as', () => {
    const page = textOf('docs/deploy.md')
    expect(page).toMatch(new RegExp(`^useradd --system .* ${the('User')?.[0]}$`, 'm'))
    expect(page).toContain('deploy/systemd/caucus.service /etc/systemd/system/')
  })
})
