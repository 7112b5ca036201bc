// Loaded with `--import` into every process of a trial. It ends the process when the trial is gone, however the trial ended, and holds up
// its event loop on request, as a long computation would; it says when that is over.
process.on('message', (message: { readonly type?: unknown; readonly ms?: unknown }) => {
  if (message?.type !== 'stall' || typeof message.ms !== 'number') return
  const until = performance.now() + message.ms
  while (performance.now() < until);
  process.send?.({ type: 'stalled' })
})
const connected = process.connected === true
// Killed and not asked: whatever it holds, its lease takes from it.
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
// Listening alone must not keep it alive. Without a channel somebody started it by hand.
if (connected) process.channel?.unref()
