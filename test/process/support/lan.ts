import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Of the addresses for documentation; they exist in namespaces only. */
const SUBNET = '192.0.2'
/** Nobody has this one, so whatever is sent to it is lost without a word. */
const NOBODY = '02:00:00:00:00:01'

/**
 * Machines on one switch: a network namespace each, and one for the switch.
 *
 * The namespaces have no names. Each lives for as long as a process stands in it, a `cat` that ends when its input does; so however this
 * process ends, by SIGKILL as well, the kernel takes all of it away, and there is nothing that a later run would have to find.
 */
export class Lan implements AsyncDisposable {
  readonly #keepers: readonly ChildProcess[]
  readonly #hosts: readonly string[]

  private constructor(keepers: readonly ChildProcess[], hosts: readonly string[]) {
    this.#keepers = keepers
    this.#hosts = hosts
  }

  static async of(...hosts: string[]): Promise<Lan> {
    const lan = new Lan(await Promise.all(['the switch', ...hosts].map(keeper)), hosts)
    try {
      await lan.#in(0, 'ip link add name switch0 type bridge && ip link set switch0 up')
      await Promise.all(hosts.map((host) => lan.#connect(host)))
    } catch (error) {
      await lan[Symbol.asyncDispose]()
      throw error
    }
    return lan
  }

  address(host: string): string {
    return `${SUBNET}.${10 + this.#place(host)}`
  }

  /** What to put before a command that is to run on this host. It is killed when this process ends. */
  on(host: string): string[] {
    return [...this.#enter(this.#place(host)), 'setpriv', '--pdeathsig', 'KILL']
  }

  /** Pulls its cable out of the switch: its interface has no carrier any more, and nobody is told. */
  unplug(host: string): Promise<void> {
    return this.#in(0, `ip link set ${this.#port(host)} down`)
  }

  plugIn(host: string): Promise<void> {
    return this.#in(0, `ip link set ${this.#port(host)} up`)
  }

  /** From now on everything that `from` sends to `to` is lost on the way; the other direction is as before. */
  lose(from: string, to: string): Promise<void> {
    const address = this.address(to)
    return this.#in(this.#place(from), `ip neigh replace ${address} lladdr ${NOBODY} nud permanent dev eth0`)
  }

  /** Undoes `lose`. */
  deliver(from: string, to: string): Promise<void> {
    return this.#in(this.#place(from), `ip neigh del ${this.address(to)} dev eth0`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#keepers.map(async (child) => {
        child.stdin?.end()
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      }),
    )
  }

  async #connect(host: string): Promise<void> {
    const port = this.#port(host)
    await this.#in(
      this.#place(host),
      `ip link add name eth0 type veth peer name ${port} netns ${this.#keepers[0]?.pid} && ip link set lo up && ` +
        `ip address add ${this.address(host)}/24 dev eth0 && ip link set eth0 up`,
    )
    await this.#in(0, `ip link set ${port} master switch0 && ip link set ${port} up`)
  }

  /** Of its keeper; the first one keeps the switch. */
  #place(host: string): number {
    return this.#hosts.indexOf(host) + 1
  }

  /** The switch's end of its cable. */
  #port(host: string): string {
    return `port${this.#place(host)}`
  }

  #enter(place: number): string[] {
    return ['nsenter', `--net=/proc/${this.#keepers[place]?.pid}/ns/net`, '--']
  }

  async #in(place: number, script: string): Promise<void> {
    const [file = '', ...args] = [...this.#enter(place), 'sh', '-c', script]
    await run(file, args)
  }
}

/** A process that stands in a network namespace of its own until its input ends. */
const keeper = async (host: string): Promise<ChildProcess> => {
  const child = spawn('unshare', ['--net', 'sh', '-c', 'echo; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] })
  const stood = once(child.stdout, 'data').then(() => true)
  if (!(await Promise.race([stood, once(child, 'exit').then(() => false)]))) throw new Error(`no namespace for ${host}`)
  child.stdout.resume()
  return child
}
