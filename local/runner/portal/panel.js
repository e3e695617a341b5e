// The simulator's panel: works the customer's directory and the clock, and tells what happened.

import * as backend from './backend.js';

const HOURS = { '1h': 1, '1d': 24, '7d': 168, '14d': 336 };
const $ = (id) => document.getElementById(id);
const moments = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' });

export class Panel {
  #customer = () => undefined;
  #changed;
  #log = '';

  /** @param customer gives the customer's id @param changed is called after something was done */
  constructor(customer, changed) {
    this.#customer = customer;
    this.#changed = changed;
    $('panel-toggle').addEventListener('click', () => this.open($('panel').hidden));
    $('panel-close').addEventListener('click', () => this.open(false));
    $('panel').addEventListener('keydown', (event) => event.key === 'Escape' && this.open(false));
    for (const button of document.querySelectorAll('[data-act]')) button.addEventListener('click', () => this.#work(button, () => backend.act(this.#customer(), button.dataset.act)));
    for (const button of document.querySelectorAll('[data-pass]')) button.addEventListener('click', () => this.#work(button, () => backend.pass(HOURS[button.dataset.pass])));
    if (sessionStorage.getItem('panel') === 'open') this.open(true);
  }

  open(isOpen) {
    const hadFocus = $('panel').contains(document.activeElement);
    $('panel').hidden = !isOpen;
    $('panel-toggle').ariaExpanded = String(isOpen);
    document.body.classList.toggle('with-panel', isOpen);
    sessionStorage.setItem('panel', isOpen ? 'open' : '');
    if (!isOpen && hadFocus) $('panel-toggle').focus();
  }

  async #work(button, task) {
    button.disabled = true;
    try {
      this.#say((await task())?.what ?? '', false);
    } catch (error) {
      this.#say(error.message, true);
    } finally {
      button.disabled = false;
    }
    this.#changed();
  }

  #say(text, isWrong) {
    $('panel-said').textContent = text;
    $('panel-said').classList.toggle('wrong', isWrong);
  }

  draw({ now, ahead_seconds: ahead, seeding, passing, tenant, log }) {
    $('now').textContent = moments.format(new Date(now));
    const days = Math.round(ahead / 86_400);
    $('ahead').textContent = Math.abs(ahead) < 60 ? '' : `(${Math.abs(days) >= 1 ? `${days > 0 ? '+' : ''}${days} d` : `${Math.round(ahead / 3600)} h`} from real time)`;
    $('panel-tenant').textContent = tenant ? `${tenant.name}’s` : 'this customer’s';
    $('panel-admins').textContent = tenant?.admins.length ? `Its admins sign in as ${tenant.admins.map((admin) => admin.user_principal_name).join(' or ')}.` : '';
    for (const button of document.querySelectorAll('[data-pass]')) button.disabled = Boolean(passing || seeding);
    $('passing').hidden = !passing;
    if (passing) {
      const [from, until, at] = [passing.from, passing.until, now].map((text) => new Date(text).getTime());
      $('passing-bar').value = Math.round((1000 * (at - from)) / (until - from));
      $('passing-what').textContent = `until ${moments.format(until)}`;
    }
    this.#list(log);
  }

  #list(log) {
    const text = JSON.stringify(log);
    if (text === this.#log) return;
    this.#log = text;
    const lines = log.map(({ at, kind, what, link }) => {
      const line = document.createElement('li');
      const time = document.createElement('time');
      time.dateTime = at;
      time.textContent = moments.format(new Date(at));
      line.className = kind;
      const told = ['notice', 'event', 'mail', 'webhook'].includes(kind) ? `${kind}: ${what}` : what;
      line.append(link ? this.#linked(told, link) : told, time);
      return line;
    });
    $('log').replaceChildren(...lines);
  }

  // A mail as its reader sees it.
  #linked(text, link) {
    const anchor = document.createElement('a');
    Object.assign(anchor, { href: link, target: '_blank', rel: 'noopener', textContent: text });
    return anchor;
  }
}
