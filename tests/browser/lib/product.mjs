// Starts the whole product, with its demonstration portal, on ports of its own and a data folder of its own.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const runner = process.env.EVERGRANT_RUNNER ?? join(root, 'target/debug/runner');
const widget = process.env.EVERGRANT_WIDGET ?? join(root, 'target/widget/dist');

export class Product {
  #child;
  #data;
  /** Where the portal, the API and the simulator are. */
  portal;
  api;
  simulator;

  /** Starts it on an empty data folder, or on one that another start left behind. */
  static async start({ data = mkdtempSync(join(tmpdir(), 'evergrant-')), people = 400, fresh = true } = {}) {
    const product = new Product();
    product.#data = data;
    const options = ['--port', '0', '--data', data, '--widget', widget, '--people', String(people), ...(fresh ? ['--fresh'] : [])];
    product.#child = spawn(runner, options, { stdio: ['ignore', 'pipe', 'inherit'] });
    for await (const line of createInterface({ input: product.#child.stdout })) {
      const ready = line.match(/^evergrant ready portal=(\S+) api=(\S+) simulator=(\S+)/);
      if (ready) {
        [, product.portal, product.api, product.simulator] = ready;
        product.#child.stdout.resume();
        return product;
      }
    }
    throw new Error('the product ended before it was ready');
  }

  get data() {
    return this.#data;
  }

  /** Ends it at once, as a power cut would. */
  async kill() {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await ended;
  }

  async close() {
    await this.kill();
    rmSync(this.#data, { recursive: true, force: true });
  }
}
