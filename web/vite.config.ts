import { defineConfig } from 'vite'

export default defineConfig({
  base: '/',
  build: {
    target: 'es2022',
    emptyOutDir: true,
    // A policy without inline anything: every asset is a file of its own, and nothing is put into the page.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    // Whoever passes on a library passes on its licence.
    license: { fileName: 'license.md' },
  },
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
})
