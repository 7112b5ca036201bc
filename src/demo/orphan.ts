// Loaded with `--import` into a child of the demo that knows nothing of it: ends that process when the demo is gone, however the
// demo ended. The channel closes with the demo's process, and nobody has to be told.
const end = () => process.kill(process.pid, 'SIGTERM')
process.on('disconnect', end)
// It may have gone while this was being loaded.
if (!process.connected) end()
// Listening alone must not keep it alive.
process.channel?.unref()
