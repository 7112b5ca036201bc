import type { Break } from '../trial/house.ts'
import type { Layer } from './case.ts'
import type { Mode } from './world.ts'

/** One rule of the server that is broken, and what a fuzzer has to say about it. */
export interface FuzzMutant extends Break {
  readonly name: string
  readonly mode: Mode
  readonly layer: Layer
  readonly expected: RegExp
  /** Of what shows once all is quiet, and not at the input that brought it about. */
  readonly inputs?: number
}

/** What the fuzzer has to notice. A break that it does not is a fault of the fuzzer. */
export const FUZZ_MUTANTS: readonly FuzzMutant[] = [
  {
    name: 'a handler that throws for one name',
    mode: 'open',
    layer: 'http',
    file: 'server/routes/groups.js',
    find: 'const renew = decodeRenewBody(group, member, body);',
    replace: "const renew = decodeRenewBody(group, member, member === 'ü' ? undefined.body : body);",
    expected: /the server failed|the log has a line that it should not/,
  },
  {
    name: 'a body that is not held against its schema',
    mode: 'open',
    layer: 'http',
    file: 'wire/http.js',
    find: 'const fault = checkBody(json.value);',
    replace: 'const fault = undefined;',
    expected: /the server failed|the answer of renewMember|the log has a line that it should not/,
  },
  {
    name: 'an answer that is not as it is described',
    mode: 'open',
    layer: 'http',
    file: 'server/routes/operations.js',
    find: "app.get('/healthz', () => ({ ok: true,",
    replace: "app.get('/healthz', () => ({ ok: 'yes',",
    expected: /the answer of getHealth/,
  },
  {
    name: 'rights that hold in every group',
    mode: 'closed',
    layer: 'http',
    file: 'server/access/principal.js',
    find: 'this.#grants.filter(({ groups }) => groups(group))',
    replace: 'this.#grants',
    expected: /a canary was disturbed/,
  },
  {
    name: 'rights that hold on every topic',
    mode: 'closed',
    layer: 'link',
    file: 'server/access/principal.js',
    find: 'this.#grants.filter(({ topics }) => topics(topic))',
    replace: 'this.#grants',
    expected: /a canary was disturbed|the fuzzer is asked by a canary/,
  },
  {
    name: 'listeners that outlive their link',
    mode: 'open',
    layer: 'link',
    file: 'runtime/dispatch/topics-host-link.js',
    find: 'for (const { key } of this.#listeners.values())',
    replace: 'for (const { key } of [])',
    expected: /producers, asks and the like/,
    inputs: 600,
  },
  {
    name: 'a log that has tokens in it',
    mode: 'closed',
    layer: 'http',
    file: 'server/access/desk.js',
    find: "const { method = '', url = '' } = request;",
    replace: "const { url = '' } = request; const method = request.headers.authorization;",
    expected: /the log has a line that it should not/,
  },
  {
    name: 'a link that ends the process with its error',
    mode: 'open',
    layer: 'link',
    file: 'server/web-socket.js',
    find: "webSocket.on('error', () => sink.faulty());",
    replace: '',
    expected: /the server ended with 1/,
  },
  {
    name: 'readers of events that are counted for ever',
    mode: 'open',
    layer: 'http',
    file: 'server/routes/events.js',
    find: 'counts.streams--;',
    replace: '',
    expected: /readers of events, and had/,
    inputs: 600,
  },
]
