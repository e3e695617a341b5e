// Power cuts: the whole process is killed in the middle of a sync and in the middle of a refresh, and started again on the same data.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { Product } from './lib/product.mjs';

const CUSTOMER = 'harbor-finch';
const PEOPLE = 2000;
const PATIENCE = 180_000;
/** Milliseconds between two looks: fewer than the ten a second that the API lets a customer have. */
const PAUSE = 150;

let product;

before(async () => {
  product = await Product.start({ people: PEOPLE });
  await until('the history is played', async () => (await panel()).seeding === null);
});

after(async () => {
  await product?.close();
});

async function until(what, holds) {
  const patience = AbortSignal.timeout(PATIENCE);
  for (;;) {
    const held = await holds();
    if (held) return held;
    assert.ok(!patience.aborted, `${what}, in time`);
    await new Promise((resolve) => setTimeout(resolve, PAUSE));
  }
}

const panel = async () => (await fetch(`${product.portal}/panel/state?customer=${CUSTOMER}`)).json();
const json = { 'content-type': 'application/json' };

async function act(name) {
  const answer = await fetch(`${product.portal}/panel/acts?customer=${CUSTOMER}`, { method: 'POST', headers: json, body: JSON.stringify({ act: name }) });
  assert.ok(answer.ok, `${name}: ${answer.status} ${await answer.text()}`);
}

async function api(path, method = 'GET') {
  const { token } = await (await fetch(`${product.portal}/token?customer=${CUSTOMER}`, { method: 'POST' })).json();
  const answer = await fetch(`${product.api}${path}`, { method, headers: { authorization: `Bearer ${token}` } });
  assert.ok(answer.ok, `${path}: ${answer.status}`);
  return answer.json();
}

const connection = async () => (await api('/v1/connections')).connections[0];

/** Does something to the customer's directory that the portal's panel has no button for. */
async function bend(connection, deed) {
  const acts = `${product.simulator}/_simulator/tenants/${connection.tenant.id}/acts`;
  const answer = await fetch(acts, { method: 'POST', headers: json, body: JSON.stringify(deed) });
  assert.ok(answer.ok, await answer.text());
}

async function restart() {
  await product.kill();
  product = await Product.start({ data: product.data, people: PEOPLE, fresh: false });
}

test('a power cut in the middle of a full sync loses nobody and doubles nobody', async () => {
  const before = await until('the first sync is over', async () => {
    const status = await connection();
    return status.sync.state === 'idle' && status.data.people === PEOPLE && status;
  });
  // A round over people who did not change is shorter than a look.
  await bend(before, { act: 'slow_graph', milliseconds: 1000 });
  await act('expire-delta');
  await api(`/v1/connections/${before.id}/sync`, 'POST');
  await until('the sync is in its middle', async () => {
    const { sync } = await connection();
    return sync.state === 'running' && sync.people_seen >= 400 && sync.people_seen < PEOPLE;
  });
  await restart();
  const afterwards = await until('the sync went on and is over', async () => {
    const status = await connection();
    return status.sync.state === 'idle' && status.last_synced_at > before.last_synced_at && status;
  });
  assert.equal(afterwards.id, before.id);
  assert.equal(afterwards.health, 'healthy');
  assert.equal(afterwards.data.people, PEOPLE);
  assert.equal((await everybody(before.id)).size, PEOPLE);
});

async function everybody(id) {
  const ids = new Set();
  let cursor = '';
  do {
    const page = await api(`/v1/connections/${id}/people?limit=100${cursor && `&cursor=${cursor}`}`);
    for (const person of page.people) ids.add(person.id);
    cursor = page.next_cursor;
  } while (cursor);
  return ids;
}

test('a power cut in the middle of a refresh loses no grant', async () => {
  const before = await connection();
  await bend(before, { act: 'clear_faults' });
  await bend(before, { act: 'fail_next', target: 'token', times: 1, fault: { slow_body: { seconds: 30 } } });
  await fetch(`${product.simulator}/_simulator/requests`, { method: 'DELETE' });
  await act('check-now');
  await until('Entra is being asked', async () => {
    const asked = await (await fetch(`${product.simulator}/_simulator/requests`)).json();
    return asked.some((request) => request.path.endsWith('/oauth2/v2.0/token') && request.tenant === before.tenant.id);
  });
  await restart();
  await act('check-now');
  const afterwards = await until('the grant is verified again', async () => {
    const status = await connection();
    return status.last_verified_at > before.last_verified_at && status;
  });
  assert.equal(afterwards.health, 'healthy');
  assert.equal(afterwards.consented_at, before.consented_at);
});
