export { nats } from './backends/nats/index.ts'
export type { NatsOptions } from './backends/nats/options.ts'
export type { TlsOptions } from './ports/socket.ts'
export type { TopicsConnection, TopicsFactory } from './ports/topics-factory.ts'
