// Bundles the page for the browser into out/.
import * as esbuild from 'esbuild';

const inline = Object.fromEntries(['.svg', '.png', '.woff', '.woff2', '.ttf'].map((ext) => [ext, 'dataurl']));
await esbuild.build({
  entryPoints: ['src/main.tsx'],
  outdir: 'out',
  bundle: true,
  format: 'esm',
  splitting: true,
  target: 'es2022',
  jsx: 'automatic',
  logLevel: 'warning',
  loader: inline,
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  // Some of Grafana's packages still ask for the transitional name of the router.
  alias: { 'react-router-dom-v5-compat': 'react-router-dom' },
});
