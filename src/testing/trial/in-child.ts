// Loaded with `--import` into every process of a trial. It ends the process when the trial is gone, however the trial ended, and holds up
// its event loop on request, as a long computation would.
process.on('message', (message: { readonly type?: unknown; readonly ms?: unknown }) => {
  if (message?.type !== 'stall' || typeof message.ms !== 'number') return
  const until = performance.now() + message.ms
  while (performance.now() < until);
})
const connected = process.connected === true
// Killed and not asked: whatever it holds, its lease takes from it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Listening alone must not keep it alive. Without a channel somebody started it by hand.
if (connected) process.channel?.unref()
