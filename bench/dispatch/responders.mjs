// A process of responders: so many of them, each on a connection of its own. Says by which address an asker reaches them.

const [contender, from, to, url] = process.argv.slice(2)
const { respond } = await import(`./contenders/${contender}.mjs`)
const numbers = Array.from({ length: to - from }, (_, i) => Number(from) + i)

process.on('disconnect', () => process.exit())
process.send({ target: await respond(numbers, url) })
