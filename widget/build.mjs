// Makes what a browser loads out of wasm-bindgen's output: node build.mjs <bindgen folder> <dist folder>
// Called by `cargo xtask widget`, which knows when there is anything to do.

import { createHash } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import binaryen from 'binaryen';
import { build, transform } from 'esbuild';

const here = dirname(fileURLToPath(import.meta.url));
const [bindgen, dist] = process.argv.slice(2);
const { version } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));

/** What all browsers with `light-dark()` run; with all features the optimiser makes modules that Chromium refuses. */
const FEATURES = ['MutableGlobals', 'SignExt', 'NontrappingFPToInt', 'BulkMemory', 'BulkMemoryOpt', 'ReferenceTypes', 'Multivalue'];
const TARGET = ['chrome123', 'edge123', 'firefox120', 'safari17.5'];

const sri = (bytes) => `sha384-${createHash('sha384').update(bytes).digest('base64')}`;

/** Twice: the second pass finds what the first one has freed. */
function optimise() {
  const module = binaryen.readBinary(readFileSync(join(bindgen, 'widget_bg.wasm')));
  module.setFeatures(FEATURES.reduce((set, feature) => set | binaryen.Features[feature], 0));
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  module.optimize();
  module.optimize();
  return module.emitBinary();
}

/** The style sheet as a text, minified. */
const css = {
  name: 'css-as-text',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), { loader: 'css', minify: true, target: TARGET });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

const wasm = optimise();
const wasmFile = `evergrant-status-${createHash('sha256').update(wasm).digest('hex').slice(0, 8)}.wasm`;
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
writeFileSync(join(dist, wasmFile), wasm);

await build({
  entryPoints: { 'evergrant-status': join(here, 'js/main.js') },
  outdir: dist,
  bundle: true,
  format: 'esm',
  minify: true,
  target: TARGET,
  charset: 'utf8',
  legalComments: 'none',
  alias: { 'evergrant-glue': join(bindgen, 'widget.js') },
  define: {
    EVERGRANT_VERSION: JSON.stringify(version),
    EVERGRANT_WASM_FILE: JSON.stringify(wasmFile),
    EVERGRANT_WASM_INTEGRITY: JSON.stringify(sri(wasm)),
  },
  plugins: [css],
  logLevel: 'warning',
});

const files = ['evergrant-status.js', wasmFile];
const manifest = { version, files: Object.fromEntries(files.map((name) => [name, { integrity: sri(readFileSync(join(dist, name))) }])) };
writeFileSync(join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
copyFileSync(join(here, 'js/element.d.ts'), join(dist, 'evergrant-status.d.ts'));
