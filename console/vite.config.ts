import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// Nothing is inlined, because the page's content security policy takes neither inline scripts nor data: in scripts.
export default defineConfig({
  base: '/console/',
  plugins: [react()],
  build: { assetsInlineLimit: 0, modulePreload: { polyfill: false }, target: 'es2022' },
});
