// What the recipe for Nest takes of it, which is not installed here: decorators that keep what they are told.
const nothing = () => undefined

export const Inject = () => nothing
export const Injectable = () => nothing
export const Module = (metadata) => (module) => Object.assign(module, metadata)
export class Logger {
  log() {}
  error(message) {
    throw new Error(`the recipe logged an error: ${message}`)
  }
}
