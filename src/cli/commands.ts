import type { CommandModule } from './command.ts'

interface Entry {
  readonly summary: string
  /** Only what is called is loaded, so that `--version` need not wait for a server. */
  readonly load: () => Promise<CommandModule>
}

/** In the order in which the help lists them. */
export const COMMANDS: Readonly<Record<string, Entry>> = {
  serve: { summary: 'run a coordinator', load: () => import('./commands/serve.ts') },
  work: { summary: 'keep a program running with its share of a group', load: () => import('./commands/work.ts') },
  elect: { summary: 'run a program while leading, and only then', load: () => import('./commands/elect.ts') },
  ask: { summary: 'ask everybody on a topic, and print what they answer', load: () => import('./commands/ask.ts') },
  answer: { summary: 'answer what is asked on a topic with a program', load: () => import('./commands/answer.ts') },
  status: { summary: 'what the server says about itself and its groups', load: () => import('./commands/status.ts') },
  top: { summary: 'groups, leader, services and topics, live in a terminal', load: () => import('./commands/top.ts') },
  leader: { summary: 'who leads a cluster of peers', load: () => import('./commands/leader.ts') },
  transfer: { summary: 'have another peer lead', load: () => import('./commands/transfer.ts') },
  members: { summary: 'who is in a group, and with what share', load: () => import('./commands/members.ts') },
  services: {
    summary: 'which services there are, or the instances of one',
    load: () => import('./commands/services.ts'),
  },
  watch: { summary: 'the events of a group as they happen', load: () => import('./commands/watch.ts') },
  explain: { summary: 'why something in a group is as it is', load: () => import('./commands/explain.ts') },
  plan: { summary: 'what would move if members came or went', load: () => import('./commands/plan.ts') },
  drain: { summary: 'have a member give up what it has, in peace', load: () => import('./commands/drain.ts') },
  evict: {
    summary: 'remove a member whose process does not answer or must not work',
    load: async () => (await import('./commands/orders.ts')).evict,
  },
  freeze: {
    summary: 'take no partition from a member that lives',
    load: async () => (await import('./commands/orders.ts')).freeze,
  },
  thaw: { summary: 'let partitions move again', load: async () => (await import('./commands/orders.ts')).thaw },
  pin: {
    summary: 'give a partition to a certain member',
    load: async () => (await import('./commands/orders.ts')).pin,
  },
  unpin: { summary: 'take a pin away', load: async () => (await import('./commands/orders.ts')).unpin },
  check: { summary: 'read a configuration file and refuse unsafe timing', load: () => import('./commands/check.ts') },
  demo: { summary: 'real workers over real files, with faults and a check', load: () => import('./commands/demo.ts') },
  sim: { summary: 'the deterministic simulator of the core, with faults', load: () => import('./commands/sim.ts') },
}
