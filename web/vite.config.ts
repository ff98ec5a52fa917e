import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'

// `npm run dev` proxies to a Sokoul on its usual port; `npm run build` fills dist/, which the binary embeds: first the
// interface, then (`--mode docs`) the API's page beside it, which shares no file with it.
export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  build: {
    emptyOutDir: mode !== 'docs',
    copyPublicDir: mode !== 'docs',
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0,
    rollupOptions: {
      input: mode === 'docs' ? 'docs.html' : 'index.html',
      // Names that stay: the build lists them (src/api/meson.build), and an ETag keeps caches honest.
      output: { entryFileNames: 'assets/[name].js', chunkFileNames: 'assets/[name].js', assetFileNames: 'assets/[name][extname]' },
    },
  },
  server: {
    proxy: {
      '/api': 'http://127.0.0.1:3000',
      '/avatars': 'http://127.0.0.1:3000',
      '/stream': 'http://127.0.0.1:3000',
      '/ws': { target: 'ws://127.0.0.1:3000', ws: true },
    },
  },
}))
