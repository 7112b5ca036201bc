// Stands before the programs that a page calls in a shell (the first argument is the name): it starts ours from the checkout, leaves
// those running that go on for ever, and is as patient as somebody who types. What it does not run, it looks at.
import { spawn, spawnSync } from 'node:child_process'
import { openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const repository = fileURLToPath(new URL('../../../..', import.meta.url))
const [name, ...args] = process.argv.slice(2)
const { DOCUMENT_PATH, DOCUMENT_PORT, CAUCUS_SERVER = '' } = process.env
const [server = ''] = CAUCUS_SERVER.split(',')
const program = (...rest) => [join(repository, 'bin/caucus.js'), ...rest]

/** Wrong options end it at once, and what still runs after this has taken them. */
const TAKEN_MS = 3_000

const fail = (message) => {
  console.error(message)
  process.exit(1)
}
/** Runs it to its end and ends as it did. */
const become = (file, given) => {
  const { status, signal, error } = spawnSync(file, given, { stdio: 'inherit' })
  if (error !== undefined) fail(error.message)
  process.exit(signal === null ? status : 1)
}
const until = async (look) => {
  for (let tries = 0; tries < 300; tries++) {
    // Not there yet is no error: nobody waits for less than this.
    if (await look().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  fail(`${name} ${args.join(' ')}: what it needs did not come`)
}
const get = async (path) => {
  const response = await fetch(`${server}${path}`)
  return response.ok ? response.json() : undefined
}

/** Leaves it running, once it has said or done what shows that it is there; or ends as it does, when that comes first. */
const leave = async (given, isThere) => {
  const said = join(process.cwd(), `.${args[0]}-${process.pid}`)
  const out = openSync(said, 'w')
  const child = spawn(process.execPath, program(...given), { stdio: ['ignore', out, 'inherit'] })
  let code
  child.on('exit', (ended) => {
    code = ended ?? 1
  })
  const text = () => readFileSync(said, 'utf8')
  await until(async () => code !== undefined || (await isThere(text())))
  process.stdout.write(text())
  return { child, end: () => process.exit(code ?? 0) }
}

const after = (option) => args[args.indexOf(option) + 1]
const isSecured = args.some((arg) => arg.startsWith('https:'))
const answers = () => until(async () => (await fetch(`${server}/healthz`)).ok)

/** One seed of however many: that they find what they are to find is for tests of their own. */
const shortened = (given) => [
  ...given.map((arg, n) => (given[n - 1] === '--seeds' ? '1' : arg)),
  ...(given.includes('--seeds') ? [] : ['--seeds', '1']),
  ...['--jobs', '1'],
  // What counts the code that was reached takes longer than one seed.
  ...(given.includes('--coverage') ? [] : ['--coverage', 'none']),
]

const caucus = {
  serve: async () => {
    const listens = args.some((arg) => /^(-l|--listen|--config)$/.test(arg))
    const address = listens ? [] : ['--listen', `127.0.0.1:${DOCUMENT_PORT}`]
    // Where the page leaves it to us, nobody has to wait for long.
    const haste = args.length > 1 ? [] : ['--fresh', '--timeout', '2', '--settle', '0.1']
    const { end } = await leave([...args, ...address, ...haste], async (said) => said.includes('\n'))
    end()
  },
  work: async () => {
    if (isSecured) become(process.execPath, program(...args))
    await answers()
    const { end } = await leave(args, async () => (await get(`/v1/groups/${after('--group')}`))?.state === 'settled')
    end()
  },
  answer: async () => {
    await answers()
    const { end } = await leave(args, async () => (await get(`/v1/topics/${args[1]}`))?.producers.length > 0)
    end()
  },
  watch: async () => {
    // Where nothing has happened there is nothing to see.
    const seenBy = Date.now() + TAKEN_MS
    const { child, end } = await leave(args, async (said) => said.includes('\n') || Date.now() > seenBy)
    child.once('exit', end).kill('SIGTERM')
  },
  ask: async () => {
    await until(async () => (await get(`/v1/topics/${args[1]}`))?.producers.length > 0)
    // Somebody's program has to start for it, maybe on a machine with a lot else to do.
    become(process.execPath, program(...args.map((arg, n) => (args[n - 1] === '--within' ? '20s' : arg))))
  },
  sim: async () => simulate(args.slice(1)),
  // Half a minute of work: test/process/demo.test.ts.
  demo: async () => become(process.execPath, program(...args, '--help')),
}

/** Options that every script refuses are refused here, too; what a script would do for minutes or hours it does not. */
const npm = () => {
  const [command = '', script = ''] = args
  if (command === 'pack' || command === 'install') return
  const { scripts } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
  const run = scripts[command === 'run' ? script : command]
  if (run === undefined) fail(`package.json has no script ${script || command}`)
  if (command !== 'run') return
  const given = args.includes('--') ? args.slice(args.indexOf('--') + 1) : []
  const [, file, own = ''] = /&& node (\S+) ?(\S*)$/.exec(run) ?? []
  // Those that take no options are the linter's and npm's.
  if (file !== undefined) script === 'sim' ? simulate(given) : accepts(join(repository, file), own, given)
}

const accepts = (file, own, given) => {
  const all = [file, ...[own].filter(Boolean), ...given, '--help']
  const { status, stdout, stderr } = spawnSync(process.execPath, all, { encoding: 'utf8', cwd: repository })
  if (status !== 0) fail(`${all.join(' ')}: ${stdout}${stderr}`)
}

/** Exit 1 is what a mutant is to give, when it is noticed; of one seed it need not be. */
const simulate = (given) => {
  const all = program('sim', ...shortened(given))
  const { status, stdout, stderr, error } = spawnSync(process.execPath, all, { encoding: 'utf8', timeout: TAKEN_MS })
  // It began, and was stopped after what is enough here, however it says that.
  if (error?.code === 'ETIMEDOUT') return
  const isMutant = status === 1 && given.includes('--mutant')
  if (status !== 0 && !isMutant) fail(`caucus ${all.join(' ')}: ${stdout}${stderr}`)
}

const npx = () => {
  const [command, ...given] = args
  if (command === 'caucus') return become(process.execPath, program(...given))
  if (command !== 'vitest') return become(process.execPath, [join(repository, 'node_modules/.bin', command), ...given])
  // Tests that a page names are there, as a file or as the beginning of some.
  for (const path of given.slice(1).filter((arg) => !arg.startsWith('-'))) {
    const listed = spawnSync('sh', ['-c', `ls -d ${path}*`], { cwd: repository })
    if (listed.status !== 0) fail(`there is no ${path}`)
  }
}

/** A stream goes on until somebody has seen enough of it. */
const curl = () => {
  const env = { ...process.env, PATH: DOCUMENT_PATH }
  const limit = args.includes('-N') ? ['--max-time', '3'] : []
  const { status } = spawnSync('curl', [...args, ...limit], { stdio: 'inherit', env })
  const [OK, TIMED_OUT] = [0, 28]
  process.exit(limit.length > 0 && status === TIMED_OUT ? OK : status)
}

/** Somebody who is told that nothing is settled yet, or that nobody leads, asks again. */
const persist = async () => {
  let last
  for (let tries = 0; tries < 20; tries++) {
    last = spawnSync(process.execPath, program(...args), { encoding: 'utf8', maxBuffer: 64_000_000 })
    if (last.status !== 1) break
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
  process.stdout.write(last.stdout)
  process.stderr.write(last.stderr)
  process.exitCode = last.status ?? 1
}

if (name === 'curl') curl()
else if (name === 'npm') npm()
else if (name === 'npx') npx()
else if (name === 'node' && args[0]?.startsWith('scripts/')) accepts(join(repository, args[0]), '', args.slice(1))
else if (name === 'node') become(process.execPath, args)
else if (name === 'caucus') {
  const own = caucus[args.includes('--watch') ? 'watch' : args[0]]
  if (own !== undefined) await own()
  else {
    if (server !== '' && !isSecured && !args.includes('--server') && !/^(check|demo|sim)$/.test(args[0]))
      await answers()
    await persist()
  }
}
