import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

/** The server whose API the page uses while it is developed. */
const SERVER = process.env['TASKS_SERVER'] ?? 'http://127.0.0.1:3000'

export default defineConfig({
  // The page lies beside its files, wherever that is; the server puts the version into the address.
  base: './',
  plugins: [react()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: false,
    rolldownOptions: {
      output: {
        // The same names in every version: two changes of the page then conflict in content only.
        entryFileNames: 'app.js',
        chunkFileNames: '[name].js',
        assetFileNames: '[name][extname]',
      },
    },
  },
  // The server answers its own page only; this one speaks for it.
  server: { proxy: { '/api': { target: SERVER, changeOrigin: true, headers: { origin: SERVER } } } },
  test: { environment: 'happy-dom', include: ['src/**/*.test.{ts,tsx}'], restoreMocks: true },
})
