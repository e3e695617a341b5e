// A portal with the widget, the API behind it and a sign-in page, on three sites of one loopback port: everything a test can bend.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const dist = process.env.EVERGRANT_WIDGET ?? join(root, 'target/widget/dist');
const TYPES = { '.js': 'text/javascript', '.wasm': 'application/wasm', '.json': 'application/json' };

/** The status that the crate's own tests read too. */
export const sample = (health) => JSON.parse(readFileSync(join(root, `widget/samples/${health}.json`), 'utf8'));

/** Sets the token and writes down what the element says; a file of its own, so that a strict policy allows it. */
const PAGE_SCRIPT = `
window.heard = [];
for (const name of ['load-start', 'ready', 'status-change', 'action-required', 'reconnect-start', 'popup-blocked', 'reconnect-success', 'reconnect-exit', 'error'])
  document.addEventListener('eg-' + name, (event) => heard.push({ name, detail: event.detail }));
window.violations = [];
document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective + ' ' + event.blockedURI));
window.shifts = 0;
new PerformanceObserver((list) => { for (const shift of list.getEntries()) if (!shift.hadRecentInput) shifts += shift.value; }).observe({ type: 'layout-shift', buffered: true });
window.fetchToken = async ({ reason, signal }) => (await fetch('/token?reason=' + reason, { method: 'POST', signal })).text();
if (new URL(import.meta.url).searchParams.has('token'))
  for (const element of document.querySelectorAll('evergrant-status')) element.fetchToken = fetchToken;
`;

export class Portal {
  #server;
  port;
  /** What the API answers, by `METHOD path`; the longest entry that begins the request's wins. A function or `[status, body, headers]`. */
  routes = new Map();
  /** Every request to the API, oldest first. */
  requests = [];
  /** Reasons with which the page asked for a token. */
  mints = [];
  /** Tokens that the API refuses. */
  refused = new Set();
  /** Extra headers of the portal's page and of the sign-in page. */
  pageHeaders = {};
  signInHeaders = {};
  /** Whether the WebAssembly file is sent with one byte changed. */
  isTampered = false;
  status = sample('healthy');
  attempt = undefined;

  static async open() {
    const portal = new Portal();
    portal.#server = createServer((request, response) => portal.#serve(request, response));
    await new Promise((resolve) => portal.#server.listen(0, '127.0.0.1', resolve));
    portal.port = portal.#server.address().port;
    return portal;
  }

  close() {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(resolve));
  }

  get origin() {
    return `http://portal.localhost:${this.port}`;
  }

  get api() {
    return `http://api.localhost:${this.port}`;
  }

  get signIn() {
    return `http://127.0.0.1:${this.port}/sign-in`;
  }

  /** The address of a page with one element, or as many as asked for. */
  page(attributes = {}, { token = true, count = 1, lang = 'en-GB', dir = 'ltr', before = '', defer = false } = {}) {
    const query = new URLSearchParams({ attributes: JSON.stringify({ api: this.api, ...attributes }), token: token ? '1' : '', count, lang, dir, before, defer: defer ? '1' : '' });
    return `${this.origin}/page?${query}`;
  }

  #serve(request, response) {
    const url = new URL(request.url, `http://${request.headers.host}`);
    if (url.hostname === 'api.localhost') return this.#api(request, response, url);
    if (url.pathname === '/sign-in') return this.#html(response, '<!doctype html><title>Sign in</title><h1>Sign in</h1><a id="done" href="/signed-in">Accept</a>', this.signInHeaders);
    if (url.pathname === '/signed-in') return this.#html(response, '<!doctype html><title>Done</title><p>You can close this window.', this.signInHeaders);
    if (url.pathname === '/page') return this.#html(response, this.#page(url.searchParams), this.pageHeaders);
    if (url.pathname === '/page.js') return this.#send(response, 200, PAGE_SCRIPT, { 'content-type': 'text/javascript' });
    if (url.pathname === '/token') {
      this.mints.push(url.searchParams.get('reason'));
      return this.#send(response, 200, `token-${this.mints.length}`, { 'content-type': 'text/plain' });
    }
    return this.#file(response, url.pathname);
  }

  #page(query) {
    const attributes = Object.entries(JSON.parse(query.get('attributes')))
      .map(([name, value]) => ` ${name}="${String(value).replaceAll('"', '&quot;')}"`)
      .join('');
    const element = `<evergrant-status${attributes}><a href="/help">Ask for help</a></evergrant-status>`;
    const script = '<script type="module" src="/w/evergrant-status.js"></script>';
    return `<!doctype html><html lang="${query.get('lang')}" dir="${query.get('dir')}"><head><meta charset="utf-8"><title>Portal</title>
<link rel="icon" href="data:,"><link rel="stylesheet" href="/w/page.css">
${query.get('before')}${query.get('defer') ? '' : script}
<script type="module" src="/page.js?${query.get('token') ? 'token' : ''}"></script></head>
<body><main><h1>Settings</h1>${element.repeat(Number(query.get('count')))}<p id="after">The rest of the page.</p></main></body></html>`;
  }

  #file(response, path) {
    if (path === '/w/page.css') {
      const css = 'body{margin:16px;font:16px/1.5 "Noto Sans",sans-serif;background:light-dark(#f3f4f6,#0e1014);color:light-dark(#111,#eee);color-scheme:light dark}h1{font-size:1rem;margin:0 0 16px}evergrant-status:not(:defined){display:block;min-block-size:50.8rem}@media(min-width:736px){evergrant-status:not(:defined){min-block-size:30.9rem}}';
      return this.#send(response, 200, css, { 'content-type': 'text/css' });
    }
    try {
      const name = path.slice('/w/'.length);
      const bytes = readFileSync(join(dist, name));
      if (this.isTampered && name.endsWith('.wasm')) bytes[bytes.length - 1] ^= 1;
      return this.#send(response, 200, bytes, { 'content-type': TYPES[extname(name)] ?? 'text/plain' });
    } catch {
      return this.#send(response, 404, 'There is no such file.', { 'content-type': 'text/plain' });
    }
  }

  async #api(request, response, url) {
    const cors = {
      'access-control-allow-origin': request.headers.origin ?? '*',
      'access-control-allow-headers': 'authorization, content-type',
      'access-control-allow-methods': 'GET, POST, PUT, DELETE',
      'access-control-expose-headers': 'X-Request-Id, Retry-After',
      'x-request-id': 'req-7f3a',
    };
    if (request.method === 'OPTIONS') return this.#send(response, 204, '', cors);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks)) : undefined;
    const path = url.pathname.slice('/v1/'.length);
    const token = request.headers.authorization?.slice('Bearer '.length);
    this.requests.push({ method: request.method, path, body, token });
    const answer = this.refused.has(token) ? [401, { title: 'The token is refused.' }] : await this.#answer(`${request.method} ${path}`, body);
    if (answer === 'never') return undefined;
    const [status, json, headers] = answer;
    return this.#send(response, status, json === undefined ? '' : typeof json === 'string' ? json : JSON.stringify(json), {
      'content-type': status < 400 ? 'application/json' : 'application/problem+json',
      ...cors,
      ...headers,
    });
  }

  #answer(call, body) {
    const known = [...this.routes.keys()].filter((key) => call.startsWith(key)).sort((a, b) => b.length - a.length)[0];
    if (known) {
      const route = this.routes.get(known);
      return typeof route === 'function' ? route(body) : route;
    }
    if (call === 'GET connections') return [200, { connections: [this.status] }];
    if (call === 'POST connections') return [201, (this.status = sample('awaiting-consent'))];
    if (call.endsWith('/sync')) return [202, (this.status = { ...this.status, sync: { state: 'running', people_seen: 412 } })];
    if (call.startsWith('PUT connections/') && call.endsWith('/held-deletions')) return [202];
    if (call.startsWith('GET connections/')) return [200, this.status];
    if (call === 'POST reconnect-attempts') return [201, { ...this.begin(body), authorize_url: this.signIn }];
    if (call.startsWith('DELETE reconnect-attempts/')) return [204];
    if (call.startsWith('GET reconnect-attempts/') && this.attempt) return [200, this.attempt];
    return [404, { type: 'urn:evergrant:problem:not-found', title: 'Not found', status: 404 }];
  }

  begin(body) {
    this.attempt = {
      id: `att-${String(this.requests.length).padStart(26, '0')}`,
      connection: body.connection,
      state: 'pending',
      expires_at: '2026-05-08T10:15:00Z',
      poll_milliseconds: 1000,
    };
    return this.attempt;
  }

  #html(response, html, headers) {
    this.#send(response, 200, html, { 'content-type': 'text/html; charset=utf-8', ...headers });
  }

  #send(response, status, body, headers) {
    response.writeHead(status, headers);
    response.end(body);
  }
}
