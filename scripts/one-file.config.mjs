// src/wire/type.ts as one file, with what it takes from its library in it. `scripts/build.mjs` puts it where the compiler put its own.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

export default defineConfig({
  build: {
    target: 'node20',
    lib: {
      entry: fileURLToPath(new URL('../src/wire/type.ts', import.meta.url)),
      formats: ['es'],
      fileName: () => 'type.js',
    },
    sourcemap: true,
    minify: false,
    emptyOutDir: false,
    reportCompressedSize: false,
    license: { fileName: 'type.license.md' },
  },
})
