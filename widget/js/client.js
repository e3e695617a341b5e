// Speaks to the API: one token per way of getting it, shared by all elements of the page; every wait has an end.

/** The whole of one request, with its token and its one repetition. */
const REQUEST_MS = 30_000;
/** How long the host may take to give a token. */
const TOKEN_MS = 15_000;
/** A token is renewed this long before it ends. */
const LEEWAY_MS = 60_000;
/** After so many failures in a row the host is asked again only when the reader asks. */
const MINT_FAILURES_MAX = 3;

export class Refusal extends Error {
  /** @param {string} code @param {{detail?: string, requestId?: string, retryAfter?: number}} facts retryAfter in seconds */
  constructor(code, facts = {}) {
    super(facts.detail ?? code);
    this.code = code;
    this.detail = facts.detail;
    this.requestId = facts.requestId;
    this.retryAfter = facts.retryAfter;
  }
}

/** Runs a task that is given up after a time, or when the outer signal says so. */
async function within(milliseconds, outer, task) {
  const controller = new AbortController();
  const stop = () => controller.abort(outer.reason);
  outer?.addEventListener('abort', stop);
  let timer;
  const end = new Promise((_, reject) => {
    timer = setTimeout(() => {
      reject(new Refusal('timeout'));
      controller.abort();
    }, milliseconds);
    controller.signal.addEventListener('abort', () => reject(new Refusal('aborted')));
  });
  try {
    return await Promise.race([task(controller.signal), end]);
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener('abort', stop);
  }
}

/** The end of a JSON Web Token in milliseconds, read only to renew it in time; the server alone judges it. */
function endOf(token) {
  try {
    const claims = JSON.parse(atob(token.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
    return typeof claims.exp === 'number' ? claims.exp * 1000 : undefined;
  } catch {
    return undefined;
  }
}

/** One token and how to renew it. */
export class Tokens {
  #mint;
  #token;
  #endsAt;
  #flight;
  #failures = 0;

  /** @param {((context: {reason: string, signal: AbortSignal}) => Promise<unknown>) | undefined} mint @param {string} [token] */
  constructor(mint, token) {
    this.#mint = mint;
    if (token) this.#take(token);
  }

  #take(given) {
    const token = typeof given === 'string' ? given.trim() : given?.token;
    if (typeof token !== 'string' || token === '') throw new Refusal('token_rejected', { detail: 'fetchToken gave no token' });
    const stated = typeof given === 'object' ? new Date(given.expiresAt ?? NaN).getTime() : NaN;
    this.#token = token;
    this.#endsAt = Number.isFinite(stated) ? stated : endOf(token);
    return token;
  }

  /** A token that lasts a while yet; all who ask at once share one call of the host. */
  async get(reason = 'load') {
    const lasts = this.#endsAt === undefined || this.#endsAt - LEEWAY_MS > Date.now();
    if (this.#token && (lasts || !this.#mint)) return this.#token;
    if (!this.#mint) throw new Refusal('missing_token');
    return this.#renew(this.#token ? 'expiring' : reason);
  }

  /** Another token than the one that was refused. */
  async replace(refused) {
    if (this.#token !== refused && this.#token) return this.#token;
    if (!this.#mint) throw new Refusal('token_rejected');
    return this.#renew('rejected');
  }

  #renew(reason) {
    if (this.#failures >= MINT_FAILURES_MAX) return Promise.reject(new Refusal('token_rejected', { detail: 'fetchToken failed repeatedly' }));
    this.#flight ??= within(TOKEN_MS, undefined, async (signal) => this.#mint({ reason, signal }))
      .then((given) => {
        this.#failures = 0;
        return this.#take(given);
      })
      .catch((error) => {
        this.#failures += 1;
        this.#token = undefined;
        if (error instanceof Refusal && error.code !== 'aborted') throw error;
        console.error('<evergrant-status>: fetchToken failed.', error);
        throw new Refusal('token_rejected', { detail: 'fetchToken failed' });
      })
      .finally(() => {
        this.#flight = undefined;
      });
    return this.#flight;
  }

  /** The reader asked to try again. */
  forgive() {
    this.#failures = 0;
  }

  drop() {
    this.#token = undefined;
    this.#failures = 0;
  }
}

const byMint = new WeakMap();
const byToken = new Map();
/** Elements share a token only when they get it in the same way. */
export function tokensFor(mint, token) {
  if (mint) {
    if (!byMint.has(mint)) byMint.set(mint, new Tokens(mint));
    return byMint.get(mint);
  }
  if (!token) return undefined;
  if (!byToken.has(token)) byToken.set(token, new Tokens(undefined, token));
  return byToken.get(token);
}

/** Where the API lives, if a browser may be trusted with it: https, or http on this machine. */
export function accept(api) {
  try {
    const url = new URL(api);
    const isLocal = ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname) || url.hostname.endsWith('.localhost');
    if (url.protocol === 'https:' || (url.protocol === 'http:' && isLocal)) return url.href.replace(/\/+$/, '');
  } catch {
    // Falls through: what is no URL is no API.
  }
  return undefined;
}

function codeOf(status) {
  const known = { 401: 'token_rejected', 403: 'forbidden', 404: 'not_found', 408: 'timeout', 429: 'rate_limited' };
  return known[status] ?? (status >= 500 ? 'server_error' : 'invalid_request');
}

async function refusalOf(response) {
  const problem = await response.json().catch(() => ({}));
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const seconds = Number(response.headers.get('retry-after') ?? NaN);
  const detail = problem.detail ?? problem.title;
  return new Refusal(codeOf(response.status), {
    detail: typeof detail === 'string' ? detail : undefined,
    requestId,
    retryAfter: seconds > 0 ? seconds : undefined,
  });
}

/** Sends one request; a refused token is replaced once. @returns {Promise<unknown>} the parsed body */
export function request({ api, tokens, method, path, body, signal }) {
  return within(REQUEST_MS, signal, async (signal) => {
    const send = (token) =>
      fetch(`${api}/v1/${path}`, {
        method,
        signal,
        credentials: 'omit',
        cache: 'no-store',
        headers: { Authorization: `Bearer ${token}`, ...(body && { 'Content-Type': 'application/json' }) },
        body: body && JSON.stringify(body),
      }).catch((error) => {
        throw signal.aborted ? error : new Refusal('network');
      });
    const token = await tokens.get();
    let response = await send(token);
    if (response.status === 401) response = await send(await tokens.replace(token));
    if (!response.ok) throw await refusalOf(response);
    try {
      const text = await response.text();
      return text ? JSON.parse(text) : undefined;
    } catch (error) {
      throw signal.aborted ? error : new Refusal('unreadable');
    }
  });
}
