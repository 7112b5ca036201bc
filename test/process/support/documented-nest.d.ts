// What the recipe for Nest takes of it: it is not installed here.
declare module '@nestjs/common' {
  // biome-ignore lint/suspicious/noExplicitAny: a decorator of either kind, on whatever it stands.
  type Decorator = (...on: any[]) => void
  export const Inject: (token: unknown) => Decorator
  export const Injectable: () => Decorator
  export const Module: (metadata: { providers?: unknown[]; exports?: unknown[]; imports?: unknown[] }) => Decorator
  export class Logger {
    constructor(context: string)
    log(message: unknown): void
    error(message: unknown): void
  }
  export interface OnApplicationBootstrap {
    onApplicationBootstrap(): unknown
  }
  export interface OnApplicationShutdown {
    onApplicationShutdown(): unknown
  }
}

declare module '@nestjs/schedule' {
  import type { Decorator } from '@nestjs/common'
  export const Cron: (pattern: string, options?: { timeZone?: string }) => Decorator
  export class SchedulerRegistry {
    getCronJobs(): Map<string, { start(): void; stop(): void | Promise<void> }>
  }
}
