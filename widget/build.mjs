// Makes what a browser loads out of wasm-bindgen's output: node build.mjs <bindgen folder> <dist folder>
// Called by `cargo xtask widget`, which knows when there is anything to do.

import { createHash } from 'node:crypto';
import { copyFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

function optimise() {
  const module = binaryen.readBinary(readFileSync(join(bindgen, 'widget_bg.wasm')));
  module.setFeatures(FEATURES.reduce((set, feature) => set | binaryen.Features[feature], 0));
  binaryen.setOptimizeLevel(2);
  binaryen.setShrinkLevel(2);
  module.optimize();
  return module.emitBinary();
}

/**
 * wasm-bindgen tells its imports apart by 16 random digits each, which stand in both files and cannot be compressed: 2 KB in all. Numbers
 * of the same length do as well, so that no length inside of the module changes.
 */
function numberImports(module, glue) {
  let text = readFileSync(glue, 'utf8');
  let bytes = module.toString('latin1');
  const digits = new Set([...text.matchAll(/\b__wbg_\w+_([0-9a-f]{16})\b/g)].map(([, found]) => found));
  [...digits].forEach((found, number) => {
    const short = String(number).padStart(16, '0');
    text = text.replaceAll(found, short);
    bytes = bytes.replaceAll(found, short);
  });
  writeFileSync(glue, text);
  return Buffer.from(bytes, 'latin1');
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

const wasm = numberImports(Buffer.from(optimise()), join(bindgen, 'widget.js'));
const wasmFile = `evergrant-status-${createHash('sha256').update(wasm).digest('hex').slice(0, 8)}.wasm`;
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist, { recursive: true });
writeFileSync(join(dist, wasmFile), wasm);

/** One file per entry, without chunks: a page's `integrity` covers a single file. */
async function bundle(name, entry, folder) {
  await build({
    entryPoints: { [name]: join(here, entry) },
    outdir: folder,
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
}
await bundle('evergrant-status', 'js/main.js', dist);

const files = ['evergrant-status.js', wasmFile];
const manifest = { version, files: Object.fromEntries(files.map((name) => [name, { integrity: sri(readFileSync(join(dist, name))) }])) };
writeFileSync(join(dist, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);

// What `npm pack` packs: the same files, what describes them, and an entry without side effects.
const packed = join(dist, '../package');
rmSync(packed, { recursive: true, force: true });
cpSync(dist, packed, { recursive: true });
await bundle('define', 'js/element.js', packed);
for (const name of ['README.md', 'custom-elements.json']) copyFileSync(join(here, name), join(packed, name));
copyFileSync(join(here, 'js/messages.js'), join(packed, 'messages.js'));
for (const name of ['define.d.ts', 'evergrant-status.d.ts']) copyFileSync(join(here, 'js/element.d.ts'), join(packed, name));
const { private: _, scripts: __, devDependencies: ___, ...published } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
writeFileSync(join(packed, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
