// <evergrant-status>: the element's public surface. What it draws is Rust's; see `../src/lib.rs`.

import * as engine from './engine.js';
import { tokensFor } from './client.js';
import { Frame } from './frame.js';
import { Session } from './session.js';
import { Words, accept as acceptLocale } from './words.js';

/* global EVERGRANT_VERSION */

const NAME = 'evergrant-status';
const Base = globalThis.HTMLElement ?? class {}; // On a server the module loads, and does nothing.
const CSP_HELP = `<${NAME}>: the page's Content-Security-Policy blocks WebAssembly. It needs:
  script-src <where the script lives> 'wasm-unsafe-eval'
  connect-src <where the script lives> <the api>`;

const warned = new Set();
function warn(text) {
  if (!warned.has(text)) console.warn(`<${NAME}>: ${text}`);
  warned.add(text);
}

/** Elements whose instance has died; reviving one revives all. */
const stopped = new Set();

export class EvergrantStatus extends Base {
  static version = EVERGRANT_VERSION;
  static observedAttributes = [
    'api', 'connection', 'token', 'locale', 'lang', 'theme', 'refresh-interval', 'flow', 'return-url', 'heading-level', 'no-reconnect', 'readonly',
  ];

  /** Where the WebAssembly file lives, when a bundler has moved it away from the script. */
  static configure({ wasmUrl }) {
    engine.options.wasmUrl = wasmUrl;
  }

  /** Starts to fetch the code before the first element is there. */
  static preload() {
    return engine.compile().then(() => undefined);
  }

  #frame;
  #session;
  #internals;
  #skew = 0;
  #words = new Words(() => Date.now() + this.#skew);
  #fetchToken;
  #messages = {};
  #status;
  #error;
  #state;
  #startedAt = 0;
  #isReady = false;
  #becomeReady;
  #offCrash;

  constructor() {
    super();
    const root = this.attachShadow({ mode: 'open' });
    this.#internals = this.attachInternals?.();
    this.#frame = new Frame(root, this.#words);
    this.ready = new Promise((resolve) => (this.#becomeReady = resolve));
  }

  connectedCallback() {
    for (const name of ['api', 'connection', 'token', 'locale', 'theme', 'refreshInterval', 'flow', 'returnUrl', 'headingLevel', 'noReconnect', 'readonly', 'fetchToken', 'messages']) this.#upgrade(name);
    // A move takes the element out and puts it in again: nothing is to be torn down then.
    if (!this.#session) this.#begin();
  }

  disconnectedCallback() {
    setTimeout(() => this.isConnected || this.#finish());
  }

  connectedMoveCallback() {}

  attributeChangedCallback(name, before, now) {
    if (before === now || !this.#session) return;
    if (name === 'api' || name === 'token') this.#restart();
    else if (name === 'locale' || name === 'lang') this.#speak();
    else if (name !== 'theme') this.#session.configure();
  }

  /** A property that was set before the element was defined must win. */
  #upgrade(name) {
    if (!Object.hasOwn(this, name)) return;
    const value = this[name];
    delete this[name];
    this[name] = value;
  }

  #begin() {
    this.#startedAt = performance.now();
    this.#offCrash ??= engine.onCrash(() => this.#fail('crashed'));
    this.#speak();
    this.#emit('load-start', { t: 0 });
    this.#session = new Session(this, this.#door(), this.#frame, this.#words);
    this.#showState('loading');
    this.#session.run();
  }

  #finish() {
    this.#session?.end();
    this.#session = undefined;
    this.#offCrash?.();
    this.#offCrash = undefined;
    stopped.delete(this);
    this.#status = undefined;
    this.#error = undefined;
    this.#frame.clear();
  }

  #restart() {
    if (!this.isConnected) return;
    stopped.delete(this);
    this.#session?.end();
    tokensFor(this.fetchToken, this.token)?.forgive();
    this.#begin();
  }

  #speak() {
    const asked = this.locale ?? this.closest('[lang]')?.lang ?? document.documentElement.lang;
    this.#words.locale = (asked && acceptLocale(asked)) || navigator.language;
    this.#words.overrides = this.#messages;
    this.#frame.speak(Object.keys(this.#messages).length > 0 ? this.#words.locale : 'en');
    this.#session?.tell('tick');
  }

  // Properties that mirror attributes.

  get api() { return this.getAttribute('api') ?? ''; }
  set api(value) { this.#mirror('api', value); }
  get connection() { return this.getAttribute('connection') ?? undefined; }
  set connection(value) { this.#mirror('connection', value); }
  get token() { return this.getAttribute('token') ?? undefined; }
  set token(value) { this.#mirror('token', value); }
  get locale() { return this.getAttribute('locale') ?? undefined; }
  set locale(value) { this.#mirror('locale', value); }
  get theme() { return this.#oneOf('theme', ['auto', 'light', 'dark']); }
  set theme(value) { this.#mirror('theme', value); }
  get flow() { return this.#oneOf('flow', ['auto', 'popup', 'redirect']); }
  set flow(value) { this.#mirror('flow', value); }
  get returnUrl() { return this.getAttribute('return-url') ?? ''; }
  set returnUrl(value) { this.#mirror('return-url', value); }
  get refreshInterval() { return this.#numeric('refresh-interval', 300, (n) => n === 0 || (n >= 5 && n <= 86_400)); }
  set refreshInterval(value) { this.#mirror('refresh-interval', value); }
  get headingLevel() { return this.#numeric('heading-level', 2, (n) => n >= 2 && n <= 6); }
  set headingLevel(value) { this.#mirror('heading-level', value); }
  get noReconnect() { return this.hasAttribute('no-reconnect'); }
  set noReconnect(value) { this.toggleAttribute('no-reconnect', Boolean(value)); }
  get readonly() { return this.hasAttribute('readonly'); }
  set readonly(value) { this.toggleAttribute('readonly', Boolean(value)); }

  #mirror(name, value) {
    if (value === undefined || value === null) this.removeAttribute(name);
    else this.setAttribute(name, value);
  }

  #oneOf(name, values) {
    const value = this.getAttribute(name) ?? values[0];
    if (values.includes(value)) return value;
    warn(`${name} must be one of ${values.join(', ')}.`);
    return values[0];
  }

  #numeric(name, otherwise, isGood) {
    const text = this.getAttribute(name);
    if (text === null) return otherwise;
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && isGood(value)) return value;
    warn(`${name} is out of its bounds; ${otherwise} is used.`);
    return otherwise;
  }

  // Properties of their own.

  /** How the element gets a token: `async ({reason, signal}) => string | {token, expiresAt}`. */
  get fetchToken() { return this.#fetchToken; }
  set fetchToken(mint) {
    if (mint !== undefined && mint !== null && typeof mint !== 'function') throw new TypeError('fetchToken must be a function');
    const isNew = this.#fetchToken !== (mint ?? undefined);
    this.#fetchToken = mint ?? undefined;
    if (isNew && this.#session && this.#error) this.#restart();
  }

  /** Rows of the message table in other words or another language. */
  get messages() { return this.#messages; }
  set messages(rows) {
    this.#messages = rows ?? {};
    this.#speak();
  }

  get status() { return this.#status; }
  get error() { return this.#error; }
  get connectionState() { return this.#state; }
  get version() { return EVERGRANT_VERSION; }

  // Methods.

  refresh() {
    this.#session?.tell('reload');
  }

  /** Starts a consent; call it in a click. @returns {Promise<{outcome: string, reason?: string, attemptId?: string | null}>} */
  reconnect({ flow, chooseAccount = false } = {}) {
    if (!this.#session || this.noReconnect || this.readonly) return Promise.resolve({ outcome: 'unavailable' });
    const outcome = this.#session.consent(chooseAccount, flow);
    if (outcome === 3) return Promise.resolve({ outcome: 'taken' });
    return new Promise((resolve) => {
      const done = new AbortController();
      const end = (result) => {
        done.abort();
        resolve(result);
      };
      this.addEventListener('eg-reconnect-success', ({ detail }) => end({ outcome: 'success', attemptId: detail.attemptId }), { signal: done.signal });
      this.addEventListener('eg-reconnect-exit', ({ detail }) => end({ outcome: 'exit', ...detail }), { signal: done.signal });
    });
  }

  cancelReconnect() {
    this.#session?.tell('cancel');
  }

  /** Forgets the token and everything shown; a new `fetchToken` or `refresh` of the page starts again. */
  logout() {
    tokensFor(this.fetchToken, this.token)?.drop();
    this.#fetchToken = undefined;
    this.removeAttribute('token');
    this.#status = undefined;
    this.#restart();
  }

  /** What a session may do to its element; private, so that none of it is public surface. */
  #door() {
    return {
      attributes: () => this.#read(),
      emit: (...event) => this.#emit(...event),
      fail: (...failure) => this.#fail(...failure),
      report: (error) => this.#report(error),
      restart: () => this.#restart(),
      publish: (status, previous, current, cause) => {
        this.#status = status;
        this.#error = undefined;
        if (previous !== current) this.#emit('status-change', { previous, current, cause });
      },
      setClock: (serverTime) => (this.#skew = serverTime - Date.now()),
      becomeReady: () => this.#appear(),
      showState: (word) => this.#showState(word),
      // Only moves the focus when it is ours, or was ours and fell to the page when a button went away.
      focusOn: (id) => {
        const { activeElement } = document;
        if (activeElement !== this && activeElement !== document.body) return;
        // A button may be folded away, or be gone because its goal is reached.
        const target = this.shadowRoot.getElementById(id) ?? this.shadowRoot.getElementById('reconnect');
        target?.closest('details')?.setAttribute('open', '');
        target?.focus();
      },
    };
  }

  #read() {
    const { connection } = this;
    const isGood = connection === undefined || /^[\w.:@-]{1,128}$/.test(connection);
    if (!isGood) warn('connection must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ -');
    return {
      connection: isGood ? connection : 'invalid',
      canReconnect: !this.noReconnect && !this.readonly,
      canSync: !this.readonly,
      canDecide: !this.readonly,
      refreshInterval: this.refreshInterval,
      headingLevel: this.headingLevel,
    };
  }

  #emit(name, detail, cancelable = false) {
    return this.dispatchEvent(new CustomEvent(`eg-${name}`, { bubbles: true, composed: true, cancelable, detail }));
  }

  #report(error) {
    this.#error = error;
    this.#emit('error', error);
  }

  #appear() {
    this.#becomeReady();
    if (this.#isReady) return;
    this.#isReady = true;
    this.#emit('ready', { t: Math.round(performance.now() - this.#startedAt) });
  }

  #showState(word) {
    this.#internals?.states?.delete(this.#state);
    this.#internals?.states?.add(word);
    this.#state = word;
    this.dataset.state = word;
  }

  /** Shows a card that needs no WebAssembly. */
  #fail(code, cause) {
    if (!this.#session) return;
    if (code === 'csp_blocked') console.error(CSP_HELP, cause);
    else if (cause) console.error(`<${NAME}>: ${code}`, cause);
    const isCrash = code === 'crashed';
    if (isCrash) stopped.add(this);
    const canRetry = code === 'asset_failed' || (isCrash && engine.canRevive());
    const action = () => (isCrash ? [...stopped].forEach((element) => element.#restart()) : this.#restart());
    const retry = canRetry ? { label: isCrash ? 'action.reload_widget' : 'action.retry', action } : undefined;
    const row = isCrash && !canRetry ? 'crashed_again' : code;
    this.#session.end();
    this.#frame.fail(code, row, this.headingLevel, retry);
    this.#showState('error');
    this.#report({ code, message: this.#words.say(`error.${row}.text`), retryable: canRetry, requestId: null, phase: isCrash ? 'run' : 'load' });
    this.#appear();
  }
}

/** Defines the element; a second script on the page changes nothing. */
export function defineEvergrantElements({ registry = globalThis.customElements } = {}) {
  const known = registry?.get(NAME);
  if (known) {
    if (known.version !== EVERGRANT_VERSION) warn(`version ${known.version} is already on this page; ${EVERGRANT_VERSION} is not used.`);
    return;
  }
  registry?.define(NAME, EvergrantStatus);
}
