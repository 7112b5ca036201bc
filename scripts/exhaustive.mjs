// Goes through everything that can happen in small worlds, up to a stated number of actions, and checks every invariant in every state.
import { exploreBuilt } from '../dist/testing/exhaustive/explore-built.js'
import { IN_REACH } from '../dist/testing/exhaustive/reach.js'
import { SCENES } from '../dist/testing/exhaustive/scenes.js'
import { mutantNamed } from '../dist/testing/mutation.js'
import { fail, readOptions, stopped, wholeNumber } from './options.mjs'

/** Each action more takes several times as long: far fewer than this would already outlast anybody who waits. */
const DEEPEST = 20

const values = readOptions(
  {
    depth: { type: 'string' },
    troubles: { type: 'string', default: '1' },
    scene: { type: 'string' },
    mutants: { type: 'boolean', default: false },
  },
  'Usage: npm run exhaustive -- [--depth N] [--troubles N] [--scene NAME[,NAME]], or npm run exhaustive -- --mutants [--depth N]',
)
/** As far as one goes that says nothing; of the mutants that are this deep at most, all. */
const depthOr = (usual) => (values.depth === undefined ? usual : wholeNumber(values, 'depth', 0, DEEPEST))
const { signal } = stopped()

const describe = ({ scene, depth, troubles, states, transitions, seconds, counterexample }) => {
  const numbers = `${states} states, ${transitions} transitions, ${seconds.toFixed(1)} s`
  console.log(`${scene.padEnd(26)} depth ${depth}, troubles ${troubles}: ${numbers}`)
  if (counterexample === undefined) return
  console.log(`  ${counterexample.invariant}: ${counterexample.message}`)
  console.log(`  ${counterexample.actions.join(', ')}`)
}

const exploreAll = async () => {
  const names = values.scene === undefined ? SCENES.map(({ name }) => name) : values.scene.split(',')
  for (const name of names) {
    if (!SCENES.some((scene) => scene.name === name)) {
      fail(`there is no scene "${name}"; take one of ${SCENES.map((scene) => scene.name).join(', ')}`)
    }
  }
  const [depth, troubles] = [depthOr(6), wholeNumber(values, 'troubles', 0, DEEPEST)]
  const total = { states: 0, transitions: 0, broken: 0 }
  await exploreBuilt(
    names.map((scene) => ({ scene, depth, troubles })),
    undefined,
    (found) => {
      describe(found)
      total.states += found.states
      total.transitions += found.transitions
      if (found.counterexample !== undefined) total.broken++
    },
    signal,
  )
  const verdict =
    total.broken === 0 ? 'every invariant held in all of them' : `${total.broken} scenes break an invariant`
  console.log(`${total.states} states, ${total.transitions} transitions: ${verdict}`)
  process.exitCode = total.broken === 0 ? 0 : 1
}

const exploreMutants = async () => {
  let caught = 0
  const within = depthOr(DEEPEST)
  const asked = IN_REACH.filter(({ depth }) => depth <= within)
  for (const { mutant, ...ask } of asked) {
    const tell = ({ depth, states, counterexample }) => {
      if (counterexample !== undefined) caught++
      const verdict =
        counterexample === undefined
          ? `MISSED within depth ${depth}`
          : `${counterexample.invariant} at depth ${depth}, after ${states} states: ${counterexample.actions.join(', ')}`
      console.log(`${mutant.padEnd(30)} ${verdict}`)
    }
    await exploreBuilt([ask], mutantNamed(mutant), tell, signal)
  }
  console.log(`${caught} of ${asked.length} caught`)
  process.exitCode = caught === asked.length ? 0 : 1
}

try {
  await (values.mutants ? exploreMutants() : exploreAll())
} catch (error) {
  console.error(signal.aborted ? 'interrupted' : error.message)
  process.exitCode = signal.aborted ? 130 : 1
}
