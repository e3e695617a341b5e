// Speaks to the portal's own backend, and with its tokens to the API.

export class Wrong extends Error {}

async function read(response) {
  const text = await response.text();
  const json = text === '' ? undefined : JSON.parse(text);
  if (!response.ok) throw new Wrong(json?.detail ?? json?.title ?? `${response.status}`);
  return json;
}

const whose = (customer) => new URLSearchParams({ customer });
const post = (path, body, signal) =>
  fetch(path, { method: 'POST', signal, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body ?? {}) }).then(read);

export const config = () => fetch('/config.json').then(read);
export const state = (customer) => fetch(`/panel/state?${whose(customer)}`).then(read);
export const act = (customer, name) => post(`/panel/acts?${whose(customer)}`, { act: name });
export const pass = (hours) => post('/panel/pass', { hours });

/** A customer's way to the API: what an operator's page has besides the widget. */
export class Caller {
  #api;
  #customer;
  #token;

  constructor(api, customer) {
    this.#api = api;
    this.#customer = customer;
  }

  /** The widget's `fetchToken`, of a constant identity so that it is asked once for all. */
  fetchToken = ({ signal } = {}) => post(`/token?${whose(this.#customer)}`, {}, signal);

  async #ask(path, fresh) {
    if (fresh || !this.#token || new Date(this.#token.expiresAt) - Date.now() < 60_000) this.#token = await this.fetchToken();
    return fetch(new URL(path, this.#api), { headers: { authorization: `Bearer ${this.#token.token}` } });
  }

  /** Asks for another token next time: the API's clock was put forward. */
  forget() {
    this.#token = undefined;
  }

  /** The clock may have been put forward unseen, so a refused token is replaced once. */
  async #fetch(path) {
    const answer = await this.#ask(path, false);
    return answer.status === 401 ? this.#ask(path, true) : answer;
  }

  async get(path) {
    return read(await this.#fetch(path));
  }

  /** A picture, or nothing where there is none. */
  async picture(path) {
    const answer = await this.#fetch(path);
    return answer.ok ? answer.blob() : undefined;
  }
}
