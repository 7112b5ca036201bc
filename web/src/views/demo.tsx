import { useEffect, useRef, useState } from 'preact/hooks'
import type { ServerState } from '../../../src/demo/coordination.ts'
import type { Deed, DemoState, WorkerState } from '../../../src/demo/deeds.ts'
import { get, order } from '../api.ts'
import { countOf } from '../model/words.ts'
import { poll } from '../poll.ts'
import { asApiError, server } from '../server.ts'
import { useStore } from '../store.ts'
import './demo.css'

const ASK_EVERY_MS = 500

/** The servers of a demo say so in the page that they send; all others have neither the buttons nor what is behind them. */
const isDemo = (): boolean => document.documentElement.dataset.demo !== undefined

/** Whom something can be done to. */
type Target = (WorkerState & { readonly kind: 'worker' }) | (ServerState & { readonly kind: 'server' })

/** What can be done to the processes of a demo, in sight of every view, so that one sees what becomes of it. */
export const Demo = () => (isDemo() ? <Bar /> : null)

const Bar = () => {
  const [state, setState] = useState<DemoState>()
  const [chosen, setChosen] = useState('')
  const [fault, setFault] = useState('')
  const again = useRef(() => {})
  const ask = async (signal?: AbortSignal): Promise<number> => {
    try {
      setState(await get<DemoState>('/demo', signal))
    } catch {
      // The pill of the connection says it, from what the other questions find.
      return 2 * ASK_EVERY_MS
    }
    return ASK_EVERY_MS
  }
  useEffect(() => {
    again.current = () => void ask()
    return poll(ask)
  }, [])
  if (state === undefined) return null

  const targets: Target[] = [
    ...state.workers.map((worker) => ({ ...worker, kind: 'worker' as const })),
    ...(state.can.servers ? state.servers.map((each) => ({ ...each, kind: 'server' as const })) : []),
  ]
  const target = targets.find(({ id }) => id === chosen) ?? targets[0]
  const perform = async (deed: Deed): Promise<void> => {
    try {
      await order('POST', '/demo/orders', deed)
      setFault('')
    } catch (error) {
      setFault(asApiError(error).message)
    }
    again.current()
  }
  return (
    <section class="demo" aria-label="Demo">
      <Progress state={state} />
      <fieldset>
        <legend class="hidden">Whom to do it to</legend>
        {targets.map((each) => (
          <Choice key={each.id} target={each} isChosen={each === target} choose={() => setChosen(each.id)} />
        ))}
      </fieldset>
      <div class="buttons">
        {target !== undefined && <Deeds target={target} canCut={state.can.cut} perform={perform} />}
        <button type="button" onClick={() => void perform({ do: 'add' })}>
          Add a worker
        </button>
        <button type="button" disabled={state.isDeploying} onClick={() => void perform({ do: 'deploy' })}>
          {state.isDeploying ? 'Deploying…' : 'Rolling deploy'}
        </button>
      </div>
      <p class="fault" role="alert">
        {fault}
      </p>
      <div role="log" aria-label="What happened">
        {state.told.slice(-3).map(({ number, text }) => (
          <p key={number}>{text}</p>
        ))}
      </div>
    </section>
  )
}

const Progress = ({ state: { round, done, files, checked } }: { state: DemoState }) => (
  <p class="progress">
    <strong>Demo</strong>
    <label>
      Round {round}, {done} of {countOf(files, 'file')}
      <progress max={files} value={done} />
    </label>
    <span class="quiet">
      {checked === 0
        ? 'the check comes at its end'
        : `${countOf(checked, 'round')} checked: nothing lost, nothing twice`}
    </span>
  </p>
)

interface ChoiceProps {
  readonly target: Target
  readonly isChosen: boolean
  readonly choose: () => void
}

const Choice = ({ target, isChosen, choose }: ChoiceProps) => {
  const { peers } = useStore(server)
  const leads = peers !== undefined && peers !== 'none' && peers.leader?.identifier === target.id
  const isWell = target.state === 'at work' || target.state === 'up'
  return (
    <label class={isWell ? '' : 'ill'}>
      <input type="radio" name="target" checked={isChosen} onChange={choose} /> {target.id}{' '}
      <span class="quiet">
        {isWell ? (target.kind === 'worker' ? target.partitions : leads ? 'leads' : 'follows') : target.state}
      </span>
    </label>
  )
}

interface DeedsProps {
  readonly target: Target
  readonly canCut: boolean
  readonly perform: (deed: Deed) => Promise<void>
}

const Deeds = ({ target: { id, kind, state }, canCut, perform }: DeedsProps) => {
  const button = (what: 'kill' | 'freeze' | 'wake' | 'cut' | 'heal', label: string) => (
    <button type="button" disabled={state === 'down'} onClick={() => void perform({ do: what, who: id })}>
      {label} {id}
    </button>
  )
  return (
    <>
      {button('kill', 'Kill')}
      {state === 'frozen' ? button('wake', 'Wake') : button('freeze', 'Freeze')}
      {kind === 'worker' && canCut && (state === 'cut off' ? button('heal', 'Heal') : button('cut', 'Cut off'))}
    </>
  )
}
