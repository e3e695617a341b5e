// Prints what a first load weighs, and fails above the limit: node size.mjs <dist folder> <most bytes, Brotli>

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const [dist, most] = process.argv.slice(2);
const brotli = { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 } };
const rows = readdirSync(dist)
  .filter((name) => /\.(js|wasm)$/.test(name))
  .map((name) => {
    const bytes = readFileSync(join(dist, name));
    return [name, bytes.length, gzipSync(bytes, { level: 9 }).length, brotliCompressSync(bytes, brotli).length];
  });
rows.push(['total', ...[1, 2, 3].map((column) => rows.reduce((sum, row) => sum + row[column], 0))]);

const line = (cells) => cells.map((cell, place) => (place === 0 ? `${cell}`.padEnd(32) : `${cell}`.padStart(10))).join('');
console.log(line(['file', 'raw', 'gzip -9', 'brotli 11']));
for (const row of rows) console.log(line(row));

const total = rows.at(-1)[3];
if (total > Number(most)) {
  console.error(`the widget weighs ${total} bytes with Brotli; at most ${most} are allowed`);
  process.exit(1);
}
