/** Has a process do something, and resolves with what came of it. */
export const told = (child, order, options = {}) =>
  new Promise((resolve, reject) => {
    const onMessage = ({ done }) => {
      if (done !== undefined) end(resolve, done)
    }
    const onExit = (code, signal) =>
      end(reject, new Error(`a process ended (${signal ?? code}) before "${order}" was done`))
    const end = (settle, value) => {
      child.off('message', onMessage)
      child.off('exit', onExit)
      settle(value)
    }
    child.on('message', onMessage)
    child.once('exit', onExit)
    child.send({ order, ...options })
  })
