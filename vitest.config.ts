import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string) => fileURLToPath(new URL(`./src/${path}`, import.meta.url))

export default defineConfig({
  resolve: {
    alias: [
      { find: /^caucus\/(compat|testing)$/, replacement: source('$1/index.ts') },
      { find: /^caucus\/(etcd|nats|opentelemetry|server|sql)$/, replacement: source('$1.ts') },
      { find: /^caucus$/, replacement: source('index.ts') },
    ],
  },
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000, maxWorkers: 2 },
})
