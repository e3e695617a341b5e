// Letterhead's page "Integrations / Microsoft 365": the widget, the people, and around them what the demonstration needs.

import { Caller, config, state } from './backend.js';
import { Panel } from './panel.js';
import { People } from './people.js';

const POLL_MS = 1000;
/** A clock that moved by more than this was put forward. */
const LEAP_MS = 60_000;
const $ = (id) => document.getElementById(id);

const { api, customers, widget } = await config();
let customer;
let caller;
let element;
let skew = 0;
let known = '';

const people = new People(() => Date.now() + skew);
const panel = new Panel(() => customer, look);

/** Shows the page of another customer. */
function show(id) {
  customer = id;
  known = '';
  const { name } = customers.find((one) => one.id === id);
  caller = new Caller(api, id);
  const url = new URL(location);
  url.searchParams.set('customer', id);
  history.replaceState(null, '', url);
  $('customer').value = id;
  $('me').textContent = name[0];
  embed();
  people.show(caller);
  look();
}

function embed() {
  element?.remove();
  if (!widget) {
    const note = document.createElement('p');
    note.className = 'card missing';
    note.textContent = 'The widget is not here: start the runner with `cargo xtask up`, which builds it.';
    $('connection').replaceChildren(note);
    return;
  }
  element = document.createElement('evergrant-status');
  element.setAttribute('api', api);
  element.setAttribute('refresh-interval', '30');
  element.fetchToken = caller.fetchToken;
  $('connection').replaceChildren(element);
}

/** Looks what happened, and lets the widget and the table look too where something did. */
async function look() {
  const asked = customer;
  let seen;
  try {
    seen = await state(asked);
  } catch {
    return; // The runner is gone or busy; the next look tells.
  }
  if (asked !== customer) return;
  const before = skew;
  skew = new Date(seen.now) - Date.now();
  if (Math.abs(skew - before) > LEAP_MS) caller.forget();
  panel.draw(seen);
  prepare(seen);
  const key = JSON.stringify([seen.log[0], seen.log.length, seen.tenant, !seen.passing && seen.synced, Boolean(seen.passing), Boolean(seen.seeding)]);
  if (known !== '' && known !== key) refresh();
  known = key;
}

function prepare({ seeding, tenant }) {
  $('preparing').hidden = !seeding;
  $('content').classList.toggle('not-yet', Boolean(seeding && !tenant));
  if (!seeding) return;
  $('preparing-bar').max = seeding.total;
  $('preparing-bar').value = seeding.done;
  $('preparing-what').textContent = tenant ? `${seeding.what} …` : `${seeding.what} … This customer comes a little later.`;
}

function refresh() {
  element?.refresh?.();
  people.reload();
}

if (widget) import('/widget/evergrant-status.js');
for (const { id, name, story } of customers) $('customer').append(new Option(`${name} (${story})`, id));
$('customer').addEventListener('change', () => show($('customer').value));
document.addEventListener('eg-status-change', () => people.reload());
document.addEventListener('eg-reconnect-success', () => setTimeout(refresh, POLL_MS));
setInterval(() => document.hidden || look(), POLL_MS);

const wanted = new URL(location).searchParams.get('customer');
show(customers.some(({ id }) => id === wanted) ? wanted : customers[0].id);
