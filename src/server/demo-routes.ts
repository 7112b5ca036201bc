import type { FastifyInstance } from 'fastify'
import { invalid } from './answers.ts'
import type { ServerContext } from './routes/context.ts'

/** Has a demo do to its own processes what the buttons of its page say. A server that is none of a demo's has no such thing. */
export interface DemoControls {
  /** The group whose workers are killed and frozen: whoever may order everything there may order this. */
  readonly group: string
  state(): Promise<unknown>
  /** Resolves with what was done, or rejects with a `CaucusError` that says why it was not. */
  order(order: unknown): Promise<unknown>
}

export const DEMO_PATH = '/demo'

/** The routes behind the buttons: they pass on what was asked, and do nothing by themselves. */
export const demoRoutes = (app: FastifyInstance, controls: DemoControls, { desk }: ServerContext): void => {
  const { group } = controls
  // Each server of a demo knows the demo itself; no other one has to be asked.
  const config = { answersItself: true }
  app.get(DEMO_PATH, { config }, ({ raw }) => {
    desk.callerOf(raw).principal.requireRead(group)
    return controls.state()
  })
  app.post(`${DEMO_PATH}/orders`, { config }, ({ raw, body }) => {
    desk.callerOf(raw).principal.requireAll(group, 'order faults for')
    return controls.order(parsed(body))
  })
}

const parsed = (body: unknown): unknown => {
  try {
    return JSON.parse(typeof body === 'string' ? body : '')
  } catch {
    throw invalid('the body is no JSON; send {"do": "kill", "who": "w1"}, for one')
  }
}
