import vue from '@vitejs/plugin-vue';
import { fileURLToPath, URL } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` sends the API calls; the built application is served by the binary itself. */
const server = process.env['EMBERWATCH_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'true',
    __VUE_I18N_LEGACY_API__: 'false',
    __INTLIFY_PROD_DEVTOOLS__: 'false',
  },
  // The words of mistakes are held against the codes in the server's source.
  server: { proxy: { '/api': server }, fs: { allow: ['..'] } },
  build: { target: 'es2022', chunkSizeWarningLimit: 900 },
  test: { environment: 'happy-dom', include: ['src/**/*.spec.ts'] },
});
