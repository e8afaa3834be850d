import vue from '@vitejs/plugin-vue';
import { fileURLToPath, URL } from 'node:url';
import { VitePWA } from 'vite-plugin-pwa';
import { defineConfig } from 'vitest/config';

/** Where `npm run dev` sends the API calls; the built application is served by the binary itself. */
const server = process.env['EMBERWATCH_URL'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [
    vue(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src/worker',
      filename: 'worker.ts',
      // Registered by src/app/installed.ts.
      injectRegister: false,
      // What the first page needs; the other parts are kept when they are first used.
      injectManifest: { globPatterns: ['index.html', 'assets/{index,start}-*.{js,css}', 'assets/rest.zh-CN-*.js', 'assets/FurnishedFrame-*.js', 'icons/*.png'] },
      manifest: {
        id: '/',
        name: 'Emberwatch 智慧用电管理平台',
        short_name: 'Emberwatch',
        description: '电气火灾隐患监测：报警、实时数值、处置指引',
        lang: 'zh-CN',
        start_url: '/',
        scope: '/',
        display: 'standalone',
        background_color: '#f3f4f6',
        theme_color: '#22272e',
        categories: ['utilities', 'business'],
        icons: [
          { src: '/icons/icon-192.png', sizes: '192x192', type: 'image/png' },
          { src: '/icons/icon-512.png', sizes: '512x512', type: 'image/png' },
          { src: '/icons/maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
        ],
        shortcuts: [{ name: '告警', url: '/alarms', icons: [{ src: '/icons/icon-192.png', sizes: '192x192' }] }],
      },
    }),
  ],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  define: {
    __VUE_OPTIONS_API__: 'true',
  },
  // The words of mistakes are held against the codes in the server's source.
  server: { proxy: { '/api': server }, fs: { allow: ['..'] } },
  build: {
    target: 'es2022',
    chunkSizeWarningLimit: 900,
    // What the start page needs is one file: over a slow line each more costs a way there and back.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'start', tags: ['$initial'] }] } } },
  },
  test: { environment: 'happy-dom', include: ['src/**/*.spec.ts'] },
});
