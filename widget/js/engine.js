// The WebAssembly instance behind all elements of a page: fetched once, pooled cards, and a second life after a panic.

import init, * as wasm from 'evergrant-glue';

/* global EVERGRANT_WASM_FILE, EVERGRANT_WASM_INTEGRITY */

/** How long the file may take. */
const FETCH_MS = 30_000;
/** A new instance leaves the old one's memory behind: only so many are made. */
const LIVES_MAX = 4;

export class Unloadable extends Error {
  /** @param {string} code csp_blocked, asset_failed or wasm_unsupported */
  constructor(code, cause) {
    super(code, { cause });
    this.code = code;
  }
}

export const options = { wasmUrl: undefined };

let module;
let instance;
let lives = 0;
let idle = [];
const listeners = new Set();

/** Hears when the instance has died. */
export function onCrash(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const canRevive = () => lives < LIVES_MAX;

/** Compiles the file, once for the page; a failure may be tried again. */
export function compile() {
  module ??= load().catch((error) => {
    module = undefined;
    throw error;
  });
  return module;
}

async function load() {
  if (typeof WebAssembly !== 'object') throw new Unloadable('wasm_unsupported');
  const url = options.wasmUrl ?? new URL(EVERGRANT_WASM_FILE, import.meta.url);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), FETCH_MS);
  let isForbidden = false;
  const note = (event) => (isForbidden ||= event.blockedURI === 'wasm-eval' || event.blockedURI === String(url));
  document.addEventListener('securitypolicyviolation', note);
  try {
    const response = await fetch(url, { credentials: 'omit', integrity: EVERGRANT_WASM_INTEGRITY, signal: controller.signal });
    if (!response.ok) throw new Error(`${response.status} from ${url}`);
    const isTyped = response.headers.get('content-type')?.startsWith('application/wasm');
    return await (isTyped ? WebAssembly.compileStreaming(response) : WebAssembly.compile(await response.arrayBuffer()));
  } catch (error) {
    await new Promise((resolve) => setTimeout(resolve)); // The report of a violation comes a moment after the refusal.
    // Every browser's refusal to compile names the policy in its message.
    if (isForbidden || /content security policy|unsafe-eval|\bCSP\b/i.test(`${error?.message}`)) throw new Unloadable('csp_blocked', error);
    throw new Unloadable(error instanceof WebAssembly.CompileError ? 'wasm_unsupported' : 'asset_failed', error);
  } finally {
    clearTimeout(timer);
    document.removeEventListener('securitypolicyviolation', note);
  }
}

/** The running instance. */
export async function start() {
  instance ??= compile().then(async (compiled) => {
    const life = ++lives;
    // `init` answers with the first instance for ever; after a crash, the next call of an export makes a new one.
    await init({ module_or_path: compiled });
    wasm.wake({ crashed: (message) => crashed(life, message) });
    return life;
  });
  try {
    return await instance;
  } catch (error) {
    instance = undefined;
    throw error;
  }
}

function crashed(life, message) {
  if (life !== lives || instance === undefined) return;
  instance = undefined;
  idle = [];
  console.error(`<evergrant-status> has stopped: ${message}`);
  for (const listener of [...listeners]) listener(message);
}

/** Calls into the instance if it is the one that the card belongs to. */
export function call(card, name, ...args) {
  if (!card || card.life !== lives || instance === undefined) return;
  try {
    wasm[name](card.number, ...args);
  } catch (error) {
    crashed(card.life, String(error));
  }
}

/** A card that draws into `card.host`: one that was given back, or a new one. */
export function take(life) {
  const pooled = idle.pop();
  if (pooled) return pooled;
  const host = document.createElement('div');
  host.className = 'stage';
  return { life, host, number: wasm.mount(host) };
}

/** Gives a card back; it forgets what it showed. */
export function give(card) {
  call(card, 'release');
  card.host.remove();
  if (card.life === lives && instance !== undefined) idle.push(card);
}
