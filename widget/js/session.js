// One element's life between being connected and being taken away: what the card asks for is carried out here.

import { Refusal, accept, request, tokensFor } from './client.js';
import * as engine from './engine.js';
import { SignInWindow, prefersTab } from './window.js';

/** Time until the skeleton says that it takes long. */
const SLOW_MS = 10_000;
/** Distances in time are written anew this often. */
const TICK_MS = 30_000;
const CLAIM = 'eg_attempt';
/** What each goal of a sign-in adds to the request; the names are those of `src/goal.rs`. */
const GOALS = {
  reconnect: {},
  'other-account': { choose_account: true },
  backup: { choose_account: true, spare: true },
  'app-only': { access: 'app-only' },
  delegated: { access: 'delegated' },
};

/** After the page is parsed, whoever wants to give a token has done so. */
const settled = () =>
  new Promise((resolve) => {
    const later = () => setTimeout(resolve);
    if (document.readyState === 'loading' || !performance.getEntriesByType('navigation')[0]?.domContentLoadedEventEnd) {
      document.addEventListener('DOMContentLoaded', later, { once: true });
      if (document.readyState === 'complete') later();
    } else later();
  });

export class Session {
  #element;
  #door;
  #frame;
  #words;
  #card;
  #over = new AbortController();
  #timers = new Map();
  #window = new SignInWindow();
  #channel;
  #attempt;
  #prefetch;
  #answered;
  #slow;

  /** @param element the element, for its public properties @param door what it lets a session do to it */
  constructor(element, door, frame, words) {
    this.#element = element;
    this.#door = door;
    this.#frame = frame;
    this.#words = words;
  }

  /** Fetches code, token and status side by side, then binds a card. */
  async run() {
    this.skeleton(true);
    const { connection } = this.#door.attributes();
    const path = connection ? `connections/${connection}` : 'connections';
    this.#prefetch = { path, answer: this.#request('GET', path) };
    this.#prefetch.answer.catch(() => {});
    try {
      const life = await engine.start();
      if (this.#over.signal.aborted) return;
      this.#card = engine.take(life);
    } catch (error) {
      if (!this.#over.signal.aborted) this.#door.fail(error instanceof engine.Unloadable ? error.code : 'asset_failed', error.cause ?? error);
      return;
    }
    this.#frame.stage(this.#card.host);
    engine.call(this.#card, 'bind', this, this.#door.attributes());
    this.#listen();
    const [kept, goal] = this.#kept();
    const claim = new URL(location.href).searchParams.get(CLAIM) ?? kept;
    if (claim) {
      this.#attempt = claim;
      engine.call(this.#card, 'claim', claim, (claim === kept && goal) || 'reconnect');
    }
  }

  #listen() {
    const { signal } = this.#over;
    const tell = (what) => () => this.tell(what);
    const seen = () => this.tell(document.hidden ? 'hidden' : 'visible');
    document.addEventListener('visibilitychange', seen, { signal });
    window.addEventListener('online', tell('online'), { signal });
    window.addEventListener('offline', tell('offline'), { signal });
    window.addEventListener('focus', tell('nudge'), { signal });
    window.addEventListener('pageshow', (event) => event.persisted && (this.tell('closed'), this.tell('visible')), { signal });
    // What a message says is never trusted: it only makes the next look at the server come sooner.
    window.addEventListener('message', (event) => this.#hears(event.origin, event.data), { signal });
    if (document.hidden) this.tell('hidden');
    if (!navigator.onLine) this.tell('offline');
    const tick = setInterval(() => document.hidden || this.tell('tick'), TICK_MS);
    signal.addEventListener('abort', () => clearInterval(tick));
  }

  #hears(origin, data) {
    const api = accept(this.#element.api);
    if (this.#attempt && api && origin === new URL(api).origin && data?.attempt === this.#attempt) this.tell('nudge');
  }

  tell(what) {
    engine.call(this.#card, 'happen', what);
  }

  configure() {
    engine.call(this.#card, 'configure', this.#door.attributes());
  }

  /** Opens the window for a method of the element, as a button would. */
  consent(chooseAccount, flow) {
    const goal = chooseAccount ? 'other-account' : 'reconnect';
    const outcome = this.open(goal, flow);
    engine.call(this.#card, 'consent', goal, outcome);
    return outcome;
  }

  /** Ends everything that is under way and gives the card back. */
  end() {
    this.#over.abort();
    clearTimeout(this.#slow);
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#channel?.close();
    this.#window.close();
    if (this.#card) engine.give(this.#card);
    this.#card = undefined;
  }

  async #request(method, path, body) {
    const api = accept(this.#element.api);
    if (!api) throw new Refusal('invalid_request', { detail: 'The attribute api must be an https address (http only on this machine).' });
    const find = () => tokensFor(this.#element.fetchToken, this.#element.token);
    if (!find()) await settled();
    const tokens = find();
    if (!tokens) throw new Refusal('missing_token');
    return request({ api, tokens, method, path, body, signal: this.#over.signal });
  }

  async #deliver(id, answer) {
    try {
      const body = await answer;
      const time = Date.parse(body?.server_time ?? body?.connections?.[0]?.server_time);
      if (Number.isFinite(time)) this.#door.setClock(time);
      if (body?.health || body?.connections) this.#answered = body;
      engine.call(this.#card, 'answer', id, body);
    } catch (error) {
      const refusal = error instanceof Refusal ? error : new Refusal('network');
      if (!this.#over.signal.aborted) engine.call(this.#card, 'refuse', id, refusal);
    }
  }

  // What the card asks for. The names are those of `src/shell.rs`.

  now() {
    return this.#words.now();
  }

  send(id, method, path) {
    const prefetch = this.#prefetch;
    this.#prefetch = undefined;
    const isPrefetched = method === 'GET' && prefetch?.path === path;
    this.#deliver(id, isPrefetched ? prefetch.answer : this.#request(method, path, method === 'POST' ? {} : undefined));
  }

  begin(id, connection, inTab, goal) {
    const body = { connection, choose_account: false, ...GOALS[goal], ...(inTab && { return_url: this.#returnUrl() }) };
    this.#deliver(id, this.#request('POST', 'reconnect-attempts', body));
  }

  decide(id, connection, round, verdict) {
    this.#deliver(id, this.#request('PUT', `connections/${connection}/held-deletions`, { round, verdict }));
  }

  #returnUrl() {
    const url = new URL(this.#element.returnUrl || location.href, location.href);
    url.searchParams.delete(CLAIM);
    return url.href;
  }

  wait(timer, milliseconds) {
    this.stop(timer);
    const spread = milliseconds * (1 + Math.random() / 10);
    this.#timers.set(timer, setTimeout(() => this.tell(timer), spread));
  }

  stop(timer) {
    clearTimeout(this.#timers.get(timer));
    this.#timers.delete(timer);
  }

  /** @returns {number} 0 a window is open, 1 in this tab, 2 blocked, 3 the host has taken over */
  open(goal, flow = this.#element.flow) {
    const isTab = flow === 'redirect' || (flow === 'auto' && prefersTab());
    if (!this.#door.emit('reconnect-start', { attemptId: null, flow: isTab ? 'redirect' : 'popup', goal }, true)) return 3;
    if (isTab) return 1;
    if (this.#window.open('about:blank', this.#words.say('consent.preparing.title'))) return 0;
    return this.#door.emit('popup-blocked', {}, true) ? 2 : 3;
  }

  reopen(url) {
    if (this.#window.open(url)) this.#window.watch(() => this.tell('closed'));
  }

  steer(url) {
    this.#window.steer(url);
    this.#window.watch(() => this.tell('closed'));
  }

  closeWindow() {
    this.#window.close();
  }

  leave(url) {
    location.assign(url);
  }

  /** An attempt survives a reload of the page; its id opens nothing without a token. */
  remember(attempt, goal) {
    this.#attempt = attempt;
    this.#channel?.close();
    this.#channel = new BroadcastChannel(`eg:${attempt}`);
    this.#channel.onmessage = () => this.tell('nudge');
    this.#store((storage, key) => storage.setItem(key, `${attempt} ${goal}`));
  }

  forget() {
    const url = new URL(location.href);
    if (this.#attempt && url.searchParams.get(CLAIM) === this.#attempt) {
      url.searchParams.delete(CLAIM);
      history.replaceState(history.state, '', url);
    }
    if (this.#kept()[0] === this.#attempt) this.#store((storage, key) => storage.removeItem(key));
    this.#channel?.close();
    this.#attempt = undefined;
  }

  /** The attempt before the page was loaded anew, and its goal. */
  #kept() {
    return this.#store((storage, key) => storage.getItem(key))?.split(' ') ?? [];
  }

  #store(use) {
    try {
      return use(sessionStorage, `evergrant:attempt:${this.#element.api}`);
    } catch {
      return undefined; // Storage is forbidden here: a reload then forgets the attempt, and the server ends it.
    }
  }

  announce(text, isUrgent) {
    this.#frame.announce(text, isUrgent);
  }

  say(key, slots) {
    return this.#words.say(key, slots);
  }

  time(at, style) {
    return this.#words.time(at, style);
  }

  publish(connection, previous, current, cause) {
    const body = this.#answered;
    const status = body?.connections?.find(({ id }) => id === connection) ?? body;
    this.#door.publish(status, previous ?? null, current, cause);
  }

  demand(total, blocking, daysLeft) {
    this.#door.emit('action-required', { total, blocking, daysLeft: daysLeft < 0 ? null : daysLeft });
  }

  reconnected(attemptId) {
    this.#door.emit('reconnect-success', { attemptId, status: this.#element.status });
  }

  exited(attemptId, reason) {
    this.#door.emit('reconnect-exit', { attemptId: attemptId ?? null, reason });
  }

  failed([code, message, retryable, requestId, phase]) {
    this.#door.report({ code, message, retryable, requestId, phase });
  }

  forgive() {
    tokensFor(this.#element.fetchToken, this.#element.token)?.forgive();
  }

  async copy(text) {
    await navigator.clipboard?.writeText(text).catch((error) => console.warn('<evergrant-status>: the clipboard is not allowed here.', error));
  }

  focus(id) {
    this.#door.focusOn(id);
  }

  skeleton(isShown) {
    clearTimeout(this.#slow);
    this.#frame.skeleton(isShown);
    if (isShown) {
      this.#frame.announce(this.#words.say('loading'));
      this.#slow = setTimeout(() => this.#frame.slow(() => this.#door.restart()), SLOW_MS);
    } else {
      this.#door.becomeReady();
    }
  }

  state(word) {
    this.#door.showState(word);
  }
}
