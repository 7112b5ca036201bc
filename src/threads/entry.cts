// What the pool has each thread begin with. It is CommonJS because the pool tries `require()` first, and a thread that is ended while it
// requires an ECMAScript module takes the whole process with it (a fatal error of V8, seen with Node 20.20). `import()` does not.
const work = import('./thread.ts')

export = async (job: import('./messages.ts').Job): Promise<void> => (await work).default(job)
