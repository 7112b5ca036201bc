// Loaded with `--import` into the server of a fuzz run: says on request how much it has in memory, once everything that is not used is gone.
process.on('SIGUSR2', () => {
  global.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  process.send?.({ type: 'measured', bytes: heapUsed + external })
})
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Listening alone must not keep it alive.
if (process.connected) process.channel?.unref()
