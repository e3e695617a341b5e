// Every state of <evergrant-status> in a real browser, against an API that the test bends: looks, words, events, and what must not happen.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from './lib/browser.mjs';
import { Portal, dist, sample } from './lib/portal.mjs';

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const pictures = fileURLToPath(new URL('../../artifacts/widget/', import.meta.url));
const SAMPLES = ['awaiting-consent', 'healthy', 'expiring', 'suspended', 'dead', 'operator-fault', 'disconnected', 'app-only', 'held'];
const STRICT = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src data:; require-trusted-types-for 'script'; trusted-types 'none'";

let browser;
let portal;
let context;
let page;
let complaints;

before(async () => {
  assert.ok(existsSync(`${dist}/manifest.json`), `there is no widget in ${dist}: run cargo xtask widget`);
  mkdirSync(pictures, { recursive: true });
  browser = await launch();
});
after(() => browser?.close());

beforeEach(async () => {
  portal = await Portal.open();
  await use({});
});
afterEach(async () => {
  await context.close();
  await portal.close();
});

async function use(options) {
  await context?.close();
  context = await browser.newContext({ viewport: { width: 800, height: 700 }, timezoneId: 'Europe/Berlin', ...options });
  page = await context.newPage();
  complaints = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
}

const widget = () => page.locator('evergrant-status').first();
const button = (name) => widget().getByRole('button', { name, exact: true });
const heard = (name) => page.evaluate((name) => window.heard.filter((event) => event.name === name).map(({ detail }) => detail), name);
const hears = (name, count = 1) => page.waitForFunction(([name, count]) => window.heard.filter((event) => event.name === name).length >= count, [name, count]);
const state = (word) => page.waitForFunction((word) => document.querySelector('evergrant-status').dataset.state === word, word);
const asked = (method, path) => portal.requests.filter((request) => request.method === method && request.path.startsWith(path));

async function show(attributes, options) {
  await page.goto(portal.page(attributes, options));
  await state(portal.status.health);
}

async function until(holds, what) {
  const end = Date.now() + 10_000;
  while (!(await holds())) {
    assert.ok(Date.now() < end, `never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Rules of WCAG A and AA that the page breaks, as axe sees them through the open shadow root. */
async function faults() {
  // Through the debugger, not through a script element: a strict policy may be in force.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run('evergrant-status', { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }));
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id} ${target.flat().join(' ')} ${any[0]?.message ?? ''}`));
}

async function pictured(name) {
  // Where animations stand is of no interest, only where they end.
  await page.evaluate(() => document.querySelector('evergrant-status').shadowRoot.getAnimations().forEach((animation) => animation.effect.getTiming().iterations === 1 && animation.finish()));
  await page.screenshot({ path: `${pictures}${name}.png`, fullPage: true });
  assert.deepEqual(await faults(), [], name);
}

describe('every health', () => {
  for (const scheme of ['light', 'dark'])
    for (const width of [800, 360])
      test(`is drawn and accessible, ${scheme}, ${width} px`, async () => {
        await use({ colorScheme: scheme, viewport: { width, height: 700 } });
        for (const health of SAMPLES) {
          portal.status = sample(health);
          await show({});
          const [overflow] = await page.evaluate(() => [document.documentElement.scrollWidth - innerWidth]);
          assert.equal(overflow, 0, `${health} is wider than the page`);
          await pictured(`${health}-${scheme}-${width}`);
        }
        assert.deepEqual(complaints, []);
      });

  test('says why, who must act and what to do', async () => {
    portal.status = sample('dead');
    await show({});
    const text = await widget().locator('section').innerText();
    for (const words of ['Contoso Ltd', 'Needs reconnecting', "The administrator's password was reset", 'maria.keller@contoso.example', 'Sign in at Microsoft with the new password.', '7 May, 22:58', '1,284', 'Behind since'])
      assert.ok(text.includes(words), `${words} in ${text}`);
    await widget().getByText('Technical details').click();
    await widget().getByText('AADSTS50173').waitFor();
    await pictured('details-light-800');
  });

  test('gives a forecast with its confidence and evidence', async () => {
    portal.status = sample('expiring');
    await show({});
    await widget().getByText('Likely to stop on 14 May, in 6 days').waitFor();
    await widget().getByText('What this rests on').click();
    await widget().getByText('Sign-in frequency stated by Entra').waitFor();
    await pictured('evidence-light-800');
    portal.status = { ...sample('healthy'), forecast: sample('expiring').forecast };
    await show({});
    await pictured('healthy-forecast-light-800');
  });

  test('shows how far a running sync has come', async () => {
    portal.status = { ...sample('healthy'), sync: { state: 'running', people_seen: 1 } };
    await show({});
    await widget().getByText('1 person so far').waitFor();
    portal.status.sync.people_seen = 412;
    await widget().getByText('412 people so far').waitFor();
    assert.equal(await widget().getByRole('progressbar').count(), 1);
    await pictured('syncing-light-800');
  });

  test('starts a sync with the button', async () => {
    await show({});
    await button('Sync now').click();
    await widget().getByText('412 people so far').waitFor();
    assert.equal(asked('POST', 'connections/').length, 1);
  });
});

describe('held deletions', () => {
  const decisions = () => asked('PUT', 'connections/').map(({ path, body }) => ({ path, ...body }));

  test('are removed only after a second word', async () => {
    portal.status = sample('held');
    await show({});
    await widget().getByText('312 of 1,284 people are gone from the directory at once').waitFor();
    await button('Approve the removal').click();
    await widget().getByText('Remove 312 people for good?').waitFor();
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.id), 'decision');
    await pictured('held-confirm-light-800');
    assert.deepEqual(decisions(), [], 'nothing is sent by the first press');
    await button('Cancel').click();
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement.id), 'approve');
    await button('Approve the removal').click();
    await button('Remove 312 people').click();
    await widget().getByText('Removal approved').waitFor();
    assert.deepEqual(decisions(), [{ path: `connections/${portal.status.id}/held-deletions`, round: 7, verdict: 'approve' }]);
    await pictured('held-approved-light-800');
    portal.status = sample('healthy');
    await page.evaluate(() => document.querySelector('evergrant-status').refresh());
    await widget().getByText('Everything works').waitFor();
    assert.equal(await widget().locator('#decision').count(), 0, 'the panel is gone');
    assert.deepEqual(complaints, []);
  });

  test('are kept by one press, and a refusal is told', async () => {
    portal.status = sample('held');
    portal.routes.set('PUT connections/', [409, { title: 'Not possible now', detail: 'no such deletions are held' }]);
    await show({});
    await button('Keep them').click();
    await widget().getByText('Not decided. Nothing was changed.').waitFor();
    await pictured('held-refused-light-800');
    portal.routes.delete('PUT connections/');
    await button('Keep them').click();
    await widget().getByText('They stay', { exact: true }).waitFor();
    assert.deepEqual(decisions().map(({ verdict }) => verdict), ['reject', 'reject']);
  });

  test('offer no buttons to whoever may not decide', async () => {
    const held = sample('held');
    portal.status = { ...held, data: { ...held.data, deletions_held: { ...held.data.deletions_held, may_decide: undefined } } };
    await show({});
    await widget().getByText('312 of 1,284 people are gone').waitFor();
    assert.equal(await button('Approve the removal').count(), 0);
    portal.status = held;
    await show({ readonly: '' });
    assert.equal(await button('Keep them').count(), 0);
  });
});

describe('loading', () => {
  test('shows a skeleton at once, says after ten seconds that it takes long, and gives up after thirty', async () => {
    await page.clock.install();
    portal.routes.set('GET connections', () => 'never');
    await page.goto(portal.page());
    await widget().locator('.skeleton').waitFor();
    await until(() => portal.requests.length > 0, 'a request');
    await pictured('loading-light-800');
    await page.clock.fastForward(10_500);
    await widget().getByText('Still loading').first().waitFor();
    await page.clock.fastForward(20_000);
    await widget().getByRole('heading', { name: 'The server takes too long' }).waitFor();
    assert.equal((await heard('error'))[0].code, 'timeout');
  });

  test('moves nothing on the page when the status arrives', async () => {
    for (const width of [800, 360]) {
      await use({ viewport: { width, height: 900 } });
      await show({});
      await hears('ready');
      assert.equal(await page.evaluate(() => window.shifts), 0, `${width} px`);
    }
  });

  test('asks for the token once for three elements, and for the status beside the code', async () => {
    await page.goto(portal.page({}, { count: 3 }));
    await page.waitForFunction(() => [...document.querySelectorAll('evergrant-status')].every(({ dataset }) => dataset.state === 'healthy'));
    assert.equal(portal.mints.length, 1);
    assert.equal(asked('GET', 'connections').length, 3);
  });

  test('a property that was set before the element was defined wins', async () => {
    await page.goto(portal.page({}, { token: false, defer: true }));
    await page.evaluate(() => {
      document.querySelector('evergrant-status').fetchToken = window.fetchToken;
      return import('/w/evergrant-status.js');
    });
    await state('healthy');
    assert.equal(portal.mints.length, 1);
  });
});

describe('errors', () => {
  test('a missing token is said immediately, and healed by a later one', async () => {
    await page.goto(portal.page({}, { token: false }));
    await widget().getByText('Code: missing_token').waitFor();
    assert.equal(portal.requests.length, 0);
    await pictured('missing-token-light-800');
    await page.evaluate(() => (document.querySelector('evergrant-status').fetchToken = window.fetchToken));
    await state('healthy');
  });

  test('a refused token is replaced once, then the request is repeated', async () => {
    portal.refused.add('token-1');
    await show({});
    assert.deepEqual(portal.mints, ['load', 'rejected']);
    assert.deepEqual(portal.requests.map(({ token }) => token), ['token-1', 'token-2']);
  });

  test('a token that is refused twice ends in words and a button, not in a loop', async () => {
    portal.refused = { has: () => true };
    await page.goto(portal.page());
    await widget().getByRole('heading', { name: 'Your session has ended' }).waitFor();
    assert.equal(portal.mints.length, 2);
    await pictured('token-rejected-light-800');
    portal.refused = new Set();
    await button('Try again').click();
    await state('healthy');
  });

  test('a failing server is named with the request id, and asked again by itself', async () => {
    await page.clock.install();
    portal.routes.set('GET connections', [500, { title: 'Internal error' }]);
    await page.goto(portal.page());
    await widget().getByText('Code: server_error · Request: req-7f3a').waitFor();
    await pictured('server-error-light-360');
    const [{ retryable, requestId, phase }] = await heard('error');
    assert.deepEqual([retryable, requestId, phase], [true, 'req-7f3a', 'load']);
    portal.routes.clear();
    await page.clock.fastForward(7_000);
    await state('healthy');
    assert.equal(await page.evaluate(() => document.querySelector('evergrant-status').error), undefined);
  });

  test('an answer of another version is unreadable, not a crash', async () => {
    portal.routes.set('GET connections', [200, { connections: [{ ...sample('healthy'), health: 'confused' }] }]);
    await page.goto(portal.page());
    await widget().getByText('Code: unreadable').waitFor();
    assert.deepEqual(complaints, []);
  });

  test('a connection that is gone offers a new one', async () => {
    await page.goto(portal.page({ connection: 'con-gone' }));
    await until(() => asked('GET', 'connections/con-gone').length === 1, 'a look');
    portal.routes.set('GET connections/con-gone', [404, { title: 'Not found' }]);
    await page.reload();
    await widget().getByRole('heading', { name: 'This connection no longer exists' }).waitFor();
    await button('Connect Microsoft 365').waitFor();
    await pictured('not-found-light-800');
  });

  test('the last known data stays while the server cannot be reached, and comes back by itself', async () => {
    await show({});
    await context.setOffline(true);
    await page.evaluate(() => document.querySelector('evergrant-status').refresh());
    await state('offline');
    await widget().getByText('You see the state as of').waitFor();
    assert.ok(await widget().getByText('Everything works').isVisible());
    await pictured('offline-light-800');
    portal.status = sample('expiring');
    await context.setOffline(false);
    await state('expiring');
    assert.equal(await widget().getByText('You see the state as of').count(), 0);
  });

  test('a caller without connections connects with one click', async () => {
    portal.routes.set('GET connections', [200, { connections: [] }]);
    await page.goto(portal.page());
    await state('empty');
    await pictured('empty-light-800');
    const [popup] = await Promise.all([context.waitForEvent('page'), button('Connect Microsoft 365').click()]);
    await popup.waitForURL(portal.signIn);
    assert.deepEqual(asked('POST', '').map(({ path }) => path), ['connections', 'reconnect-attempts']);
  });
});

describe('the way back', () => {
  async function begin(name = 'Reconnect') {
    const [popup] = await Promise.all([context.waitForEvent('page'), button(name).click()]);
    await popup.waitForURL(portal.signIn);
    return popup;
  }

  beforeEach(() => {
    portal.status = sample('dead');
  });

  test('leads from the click to success, with the server as the only witness', async () => {
    portal.signInHeaders = { 'cross-origin-opener-policy': 'same-origin' };
    await show({});
    assert.ok(await widget().getByText('Use an administrator account of Contoso Ltd.').isVisible());
    const popup = await begin();
    assert.deepEqual(asked('POST', 'reconnect-attempts')[0].body, { connection: portal.status.id, choose_account: false });
    // Microsoft's pages cut the tie: the window looks closed while it is open. That ends nothing.
    await button('I closed it').waitFor();
    assert.equal(popup.isClosed(), false);
    assert.deepEqual(await heard('reconnect-exit'), []);
    await pictured('maybe-closed-light-800');
    portal.attempt.state = 'verifying';
    await widget().getByText('Checking the new consent').first().waitFor();
    portal.attempt.state = 'succeeded';
    portal.status = sample('healthy');
    await hears('reconnect-success');
    await state('healthy');
    await pictured('succeeded-light-800');
    const [{ attemptId, status }] = await heard('reconnect-success');
    assert.deepEqual([attemptId, status.health], [portal.attempt.id, 'healthy']);
    assert.equal((await heard('status-change')).at(-1).cause, 'reconnect');
  });

  test('waits in words while the window is open, and closes it when the server says so', async () => {
    await show({});
    const popup = await begin();
    await widget().getByText('Sign in and accept in the Microsoft window.').waitFor();
    await pictured('waiting-light-360');
    const closed = popup.waitForEvent('close');
    portal.attempt.state = 'succeeded';
    portal.status = sample('healthy');
    await closed;
  });

  for (const [reason, event, sentence] of [
    ['denied', 'denied', 'The permissions were not accepted.'],
    ['wrong-tenant', 'wrong-tenant', 'You signed in to Fabrikam, but this connection belongs to Contoso Ltd.'],
    ['admin-required', 'admin-consent-required', 'Only an administrator can accept this.'],
  ])
    test(`says ${reason} in the server's words`, async () => {
      await show({});
      await begin();
      Object.assign(portal.attempt, { state: 'failed', failure: { reason, sentence } });
      await hears('reconnect-exit');
      assert.deepEqual((await heard('reconnect-exit'))[0], { attemptId: portal.attempt.id, reason: event });
      await widget().locator('.panel').getByText(sentence).waitFor();
      await pictured(`${reason}-light-800`);
      await button('Dismiss').click();
      await button('Reconnect').waitFor();
    });

  test('an attempt that was given up is withdrawn', async () => {
    await show({});
    await begin();
    await button('Cancel').click();
    await hears('reconnect-exit');
    await until(() => asked('DELETE', 'reconnect-attempts/').length === 1, 'a withdrawal');
    assert.equal((await heard('reconnect-exit'))[0].reason, 'user-cancelled');
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.textContent), 'Reconnect');
  });

  test('messages and broadcasts of others change nothing', async () => {
    await show({});
    await begin();
    const id = portal.attempt.id;
    await page.evaluate((id) => {
      window.postMessage({ attempt: id, state: 'succeeded' }, '*');
      new BroadcastChannel(`eg:${id}`).postMessage({ state: 'succeeded' });
    }, id);
    const polls = asked('GET', 'reconnect-attempts/').length;
    await until(() => asked('GET', 'reconnect-attempts/').length > polls + 1, 'two polls');
    assert.deepEqual([await heard('reconnect-success'), await heard('reconnect-exit')], [[], []]);
  });

  test('another account is asked for when another account is wanted', async () => {
    await show({});
    await begin('Use another account');
    assert.equal(asked('POST', 'reconnect-attempts')[0].body.choose_account, true);
  });

  test('the host can take the consent over', async () => {
    await show({});
    await page.evaluate(() => document.addEventListener('eg-reconnect-start', (event) => event.preventDefault()));
    await button('Reconnect').click();
    await hears('reconnect-start');
    assert.equal(context.pages().length, 1);
    assert.equal(asked('POST', 'reconnect-attempts').length, 0);
  });

  test('a blocked window leads into this tab, and back', async () => {
    await show({});
    await page.evaluate(() => (window.open = () => null));
    await button('Reconnect').click();
    await hears('popup-blocked');
    await pictured('blocked-light-800');
    const before = page.url();
    await button('Continue in this tab').click();
    await page.waitForURL(portal.signIn);
    assert.equal(asked('POST', 'reconnect-attempts')[0].body.return_url, before);
    portal.attempt.state = 'verifying';
    const back = new URL(before);
    back.searchParams.set('eg_attempt', portal.attempt.id);
    await page.goto(back.href);
    await widget().getByText('Checking the new consent').first().waitFor();
    assert.equal(page.url(), before);
    portal.attempt.state = 'succeeded';
    portal.status = sample('healthy');
    await hears('reconnect-success');
  });

  test('without a click the real blocker refuses, and the element says so', async () => {
    // By the page's own script, and heard through the console: whatever a test evaluates counts as a click.
    const script = 'addEventListener("eg-ready", ({ target }) => target.reconnect()); addEventListener("eg-popup-blocked", () => console.log("blocked"))';
    const blocked = page.waitForEvent('console', (message) => message.text() === 'blocked');
    await page.goto(portal.page({}, { before: `<script>${script}</script>` }));
    await blocked;
    assert.equal(context.pages().length, 1);
    await button('Continue in this tab').waitFor();
  });

  test('an attempt survives a reload of the page', async () => {
    await show({});
    const popup = await begin();
    await popup.close();
    await page.reload();
    await widget().getByText('The sign-in is not finished').first().waitFor();
    await pictured('unfinished-light-800');
    portal.attempt.state = 'succeeded';
    portal.status = sample('healthy');
    await hears('reconnect-success');
  });

  test('an address that is not safe is not opened', async () => {
    portal.routes.set('POST reconnect-attempts', (body) => [201, { ...portal.begin(body), authorize_url: 'http://evil.example/' }]);
    await show({});
    await button('Reconnect').click();
    await hears('reconnect-exit');
    await widget().locator('.panel').getByText('not safe to open').waitFor();
  });
});

describe('something more robust', () => {
  const choices = () => widget().locator('.choices');
  const unfold = () => choices().locator('summary').click();
  const alone = (health) => ({ ...sample(health), spare: undefined });

  async function choose(name, open = true) {
    if (open) await unfold();
    const [popup] = await Promise.all([context.waitForEvent('page'), button(name).click()]);
    await popup.waitForURL(portal.signIn);
    return popup;
  }

  for (const [name, options] of [
    ['light-800', {}],
    ['dark-800', { colorScheme: 'dark' }],
    ['light-360', { viewport: { width: 360, height: 700 } }],
    ['dark-360', { colorScheme: 'dark', viewport: { width: 360, height: 700 } }],
    ['forced-320', { forcedColors: 'active', viewport: { width: 320, height: 700 } }],
  ])
    test(`is offered in plain words, ${name}`, async () => {
      await use(options);
      for (const health of ['healthy', 'expiring', 'app-only']) {
        portal.status = alone(health);
        await show({});
        await unfold();
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, `${health} is wider than the page`);
        await pictured(`choices-${health}-${name}`);
      }
    });

  test('says on whose behalf it reads, and who stands in', async () => {
    await show({});
    await widget().getByText('On behalf of maria.keller@contoso.example').waitFor();
    await widget().getByText('Backup: jonas.weber@contoso.example, checked 5 hours ago').waitFor();
    assert.equal(await button('Add a backup consent').count(), 0);
    portal.status = sample('app-only');
    await show({});
    await widget().getByText('By the app itself').waitFor();
    assert.equal((await widget().locator('.access').innerText()).trim(), 'By the app itself');
  });

  test('is not offered where the grant does not work, and where the host says no', async () => {
    for (const health of ['awaiting-consent', 'suspended', 'dead', 'operator-fault', 'disconnected']) {
      portal.status = sample(health);
      await show({});
      assert.equal(await choices().count(), 0, health);
    }
    for (const attribute of ['no-reconnect', 'readonly']) {
      portal.status = alone('healthy');
      await show({ [attribute]: '' });
      assert.equal(await choices().count(), 0, attribute);
    }
  });

  test('adds a backup by the same way', async () => {
    portal.status = alone('healthy');
    await show({});
    await choose('Add a backup consent');
    assert.deepEqual(asked('POST', 'reconnect-attempts')[0].body, { connection: portal.status.id, choose_account: true, spare: true });
    assert.equal((await heard('reconnect-start'))[0].goal, 'backup');
    await widget().getByText('Another administrator signs in and accepts in the Microsoft window.').waitFor();
    await pictured('backup-waiting-light-800');
    portal.attempt.state = 'verifying';
    await widget().getByText('We try it out before we rely on it.').waitFor();
    portal.attempt.state = 'succeeded';
    portal.status = sample('healthy');
    await hears('reconnect-success');
    await widget().locator('.panel').getByText('Backup added').waitFor();
    await widget().getByText('Backup: jonas.weber@contoso.example').waitFor();
    await pictured('backup-added-light-800');
    assert.equal(await button('Add a backup consent').count(), 0);
  });

  for (const [name, options] of [
    ['light-800', {}],
    ['dark-360', { colorScheme: 'dark', viewport: { width: 360, height: 700 } }],
  ])
    test(`explains a backup by the account in use, with the way out, ${name}`, async () => {
      await use(options);
      portal.status = alone('healthy');
      await show({});
      await choose('Add a backup consent');
      Object.assign(portal.attempt, { state: 'failed', failure: { reason: 'same-account', sentence: 'This account gave the consent that is in use already.' } });
      await hears('reconnect-exit');
      assert.equal((await heard('reconnect-exit'))[0].reason, 'same-account');
      const panel = widget().locator('.panel');
      await panel.getByText('No backup added. Nothing was changed.').waitFor();
      await panel.getByText('sign in as another administrator').waitFor();
      await widget().getByRole('alert').getByText('sign in as another administrator').waitFor();
      await pictured(`same-account-${name}`);
      const [popup] = await Promise.all([context.waitForEvent('page'), panel.getByRole('button', { name: 'Try another account' }).click()]);
      await popup.waitForURL(portal.signIn);
      assert.equal(asked('POST', 'reconnect-attempts')[1].body.spare, true);
    });

  test('switches to the app itself, and back', async () => {
    await show({});
    await choose('Switch to app-only access');
    assert.deepEqual(asked('POST', 'reconnect-attempts')[0].body, { connection: portal.status.id, choose_account: false, access: 'app-only' });
    await widget().getByText('Accept for the whole organization in the Microsoft window').waitFor();
    portal.attempt.state = 'succeeded';
    portal.status = sample('app-only');
    await widget().getByText('By the app itself').waitFor();
    await pictured('switched-light-800');
    await button('Dismiss').click();
    await choose('Switch back to access on behalf of a person', (await choices().getAttribute('open')) === null);
    assert.equal(asked('POST', 'reconnect-attempts')[1].body.access, 'delegated');
    Object.assign(portal.attempt, { state: 'failed', failure: { reason: 'denied', sentence: 'The permissions were not accepted.' } });
    await widget().locator('.panel').getByText('Not switched. Nothing was changed.').waitFor();
    await pictured('not-switched-light-800');
  });

  test('is reached with the keyboard, and the focus comes back to what was pressed', async () => {
    portal.status = alone('expiring');
    await show({});
    await choices().locator('summary').focus();
    await page.keyboard.press('Enter');
    const stops = [];
    for (let i = 0; i < 2; i += 1) {
      await page.keyboard.press('Tab');
      stops.push(await page.evaluate(() => {
        const { activeElement } = document.activeElement.shadowRoot;
        const sentence = activeElement.getRootNode().getElementById(activeElement.getAttribute('aria-describedby'))?.textContent;
        return [activeElement.textContent, getComputedStyle(activeElement).outlineStyle, sentence?.endsWith('.')].join();
      }));
    }
    assert.deepEqual(stops, ['Add a backup consent,solid,true', 'Switch to app-only access,solid,true']);
    const [popup] = await Promise.all([context.waitForEvent('page'), page.keyboard.press('Enter')]);
    await popup.waitForURL(portal.signIn);
    await page.bringToFront();
    await button('Cancel').press('Enter');
    await hears('reconnect-exit');
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot?.activeElement?.textContent), 'Switch to app-only access');
  });

  test('keeps its goal over the way through this tab', async () => {
    portal.status = alone('healthy');
    await show({ flow: 'redirect' });
    const before = page.url();
    await unfold();
    await button('Add a backup consent').click();
    await page.waitForURL(portal.signIn);
    portal.attempt.state = 'verifying';
    const back = new URL(before);
    back.searchParams.set('eg_attempt', portal.attempt.id);
    await page.goto(back.href);
    await widget().getByText('We try it out before we rely on it.').waitFor();
    portal.attempt.state = 'succeeded';
    portal.status = sample('healthy');
    await widget().locator('.panel').getByText('Backup added').waitFor();
  });

  test('speaks in the words of the host', async () => {
    portal.status = alone('healthy');
    await show({});
    await page.evaluate(() => (document.querySelector('evergrant-status').messages = { 'choice.robust': 'Robuster machen', 'access.delegated_of': 'Im Namen von {person}' }));
    await widget().getByText('Robuster machen').waitFor();
    await widget().getByText('Im Namen von maria.keller@contoso.example').waitFor();
  });
});

describe('the page around it', () => {
  test('a strict policy with Trusted Types is kept', async () => {
    portal.pageHeaders = { 'content-security-policy': `${STRICT}; connect-src 'self' ${portal.api}` };
    portal.status = sample('dead');
    await show({});
    const [popup] = await Promise.all([context.waitForEvent('page'), button('Reconnect').click()]);
    await popup.waitForURL(portal.signIn);
    await widget().getByText('Finish signing in').first().waitFor();
    assert.deepEqual(await page.evaluate(() => window.violations), []);
    assert.deepEqual(complaints, []);
  });

  test('a policy without WebAssembly is named, with the way around it', async () => {
    portal.pageHeaders = { 'content-security-policy': `${STRICT.replace(" 'wasm-unsafe-eval'", '')}; connect-src 'self' ${portal.api}` };
    await page.goto(portal.page());
    await widget().getByText('Code: csp_blocked').waitFor();
    assert.ok(await page.getByRole('link', { name: 'Ask for help' }).isVisible());
    assert.ok(complaints.some((text) => text.includes("'wasm-unsafe-eval'")), complaints.join());
    await pictured('csp-blocked-light-800');
  });

  test('a changed file is not run', async () => {
    portal.isTampered = true;
    await page.goto(portal.page());
    await widget().getByText('Code: asset_failed').waitFor();
    portal.isTampered = false;
    await button('Try again').click();
    await state('healthy');
  });

  test('nothing of Yew marks the page', () => {
    for (const name of readdirSync(dist).filter((name) => name.endsWith('.js'))) assert.ok(!readFileSync(`${dist}/${name}`, 'utf8').includes('__yew_'), name);
  });

  test('hostile styles of the page do not reach in, and ours do not reach out', async () => {
    await show({});
    const look = () =>
      page.evaluate(() => {
        const button = document.querySelector('evergrant-status').shadowRoot.querySelector('#reconnect');
        const { color, padding, borderRadius } = getComputedStyle(button);
        return { color, padding, borderRadius, height: button.offsetHeight };
      });
    const before = await look();
    await page.addStyleTag({ content: 'button{all:unset!important} *{padding:0!important;border-radius:0!important} p{color:red!important}' });
    assert.deepEqual(await look(), before);
    assert.equal(await page.evaluate(() => getComputedStyle(document.querySelector('#after')).maxInlineSize), 'none');
  });

  test('two hundred mounts leave nothing behind', async () => {
    await show({});
    const session = await context.newCDPSession(page);
    await session.send('Performance.enable');
    const measure = async () => {
      await session.send('HeapProfiler.collectGarbage');
      await session.send('HeapProfiler.collectGarbage');
      const { metrics } = await session.send('Performance.getMetrics');
      const of = (name) => metrics.find((metric) => metric.name === name).value;
      return { nodes: of('Nodes'), listeners: of('JSEventListeners') };
    };
    const cycle = (count) =>
      page.evaluate(async (count) => {
        for (let i = 0; i < count; i += 1) {
          const element = document.createElement('evergrant-status');
          element.setAttribute('api', document.querySelector('evergrant-status').api);
          element.fetchToken = window.fetchToken;
          document.body.append(element);
          await element.ready;
          element.remove();
          await new Promise((resolve) => setTimeout(resolve));
        }
        window.heard.length = 0;
      }, count);
    await cycle(10);
    const before = await measure();
    await cycle(200);
    await until(async () => {
      const now = await measure(); // The collector takes more than one round for what crosses into WebAssembly.
      return now.listeners - before.listeners <= 0 && now.nodes - before.nodes <= 5;
    }, 'no more listeners and nodes than before');
  });

  test("one customer's data never shows in another's element", async () => {
    portal.status = sample('dead');
    await show({});
    await widget().getByText('Technical details').click();
    portal.routes.set('GET connections', () => 'never');
    const text = await page.evaluate(async () => {
      const first = document.querySelector('evergrant-status');
      first.remove();
      await new Promise((resolve) => setTimeout(resolve));
      const second = document.createElement('evergrant-status');
      second.setAttribute('api', first.api);
      second.fetchToken = async () => 'token-of-another';
      document.body.append(second);
      await new Promise((resolve) => setTimeout(resolve, 100));
      return [second.shadowRoot.textContent, second.shadowRoot.querySelectorAll('details[open]').length];
    });
    assert.ok(!text[0].includes('Contoso'), text[0]);
    assert.equal(text[1], 0);
  });

  test('a move keeps everything, and removal ends what is under way', async () => {
    await show({});
    const requests = portal.requests.length;
    await widget().getByText('Technical details').click();
    await page.evaluate(() => document.body.append(document.querySelector('evergrant-status')));
    assert.equal(await widget().locator('details[open]').count(), 1);
    assert.equal(portal.requests.length, requests);
    portal.routes.set('GET connections', () => 'never');
    const request = page.waitForEvent('requestfailed');
    await page.evaluate(() => {
      const element = document.querySelector('evergrant-status');
      element.refresh();
      setTimeout(() => element.remove(), 200);
    });
    await request;
  });

  test('a panic stops all elements in words, and a reload brings all back', async () => {
    portal.status = sample('dead');
    await page.goto(portal.page({}, { count: 2 }));
    await page.waitForFunction(() => [...document.querySelectorAll('evergrant-status')].every(({ dataset }) => dataset.state === 'dead'));
    // No hook of ours: a host page that breaks the DOM makes Yew panic while it draws.
    await page.evaluate(() => {
      const { insertBefore } = Node.prototype;
      Node.prototype.insertBefore = function (...nodes) {
        if (this.getRootNode() instanceof ShadowRoot) throw new DOMException('broken by the host');
        return insertBefore.apply(this, nodes);
      };
      window.heal = () => (Node.prototype.insertBefore = insertBefore);
      document.querySelector('evergrant-status').shadowRoot.querySelector('.technical .quiet').closest('details').open = true;
    });
    await button('Reconnect').click();
    for (const element of await page.locator('evergrant-status').all()) await element.getByText('Code: crashed').waitFor();
    assert.equal((await heard('error')).filter(({ code }) => code === 'crashed').length, 2);
    await page.evaluate(() => window.heal());
    await pictured('crashed-light-800');
    await button('Reload').click();
    await page.waitForFunction(() => [...document.querySelectorAll('evergrant-status')].every(({ dataset }) => dataset.state === 'dead' || dataset.state === 'reconnecting'));
    assert.equal(await widget().getByText('Contoso Ltd').first().isVisible(), true);
  });
});

describe('everybody', () => {
  test('the keyboard reaches every control in order and sees where it is', async () => {
    portal.status = sample('dead');
    await show({});
    const stops = [];
    for (let i = 0; i < 3; i += 1) {
      await page.keyboard.press('Tab');
      stops.push(await page.evaluate(() => {
        const { activeElement } = document.activeElement.shadowRoot;
        return [activeElement.textContent, getComputedStyle(activeElement).outlineStyle, activeElement.getBoundingClientRect().height >= 24].join();
      }));
    }
    assert.deepEqual(stops, ['Reconnect,solid,true', 'Use another account,solid,true', 'Technical details,solid,true']);
    await page.keyboard.press('Enter');
    await widget().getByText('AADSTS50173').waitFor();
  });

  test('the focus follows the consent', async () => {
    portal.status = sample('dead');
    await show({});
    const [popup] = await Promise.all([context.waitForEvent('page'), button('Reconnect').press('Enter')]);
    await popup.waitForURL(portal.signIn);
    await page.bringToFront();
    assert.equal(await page.evaluate(() => document.activeElement.shadowRoot.activeElement?.id), 'panel');
  });

  test('a screen reader hears each change once, and nothing of an idle look', async () => {
    await page.clock.install();
    await page.addInitScript(() => {
      window.spoken = [];
      const { attachShadow } = Element.prototype;
      Element.prototype.attachShadow = function (init) {
        const root = attachShadow.call(this, init);
        new MutationObserver((records) => {
          for (const { target } of records) if (target.role === 'status' || target.role === 'alert') window.spoken.push(`${target.role}: ${target.textContent}`);
        }).observe(root, { childList: true, subtree: true });
        return root;
      };
    });
    await show({ 'refresh-interval': 10 });
    const spoken = () => page.evaluate(() => window.spoken);
    await page.clock.runFor(200);
    await until(async () => (await spoken()).length > 0, 'a word');
    const first = await spoken();
    assert.ok(first.at(-1).includes('Contoso Ltd: the connection is healthy.'), first.join('\n'));
    const looks = portal.requests.length;
    await page.clock.runFor(11_500);
    await until(() => portal.requests.length > looks, 'an idle look');
    await page.clock.runFor(200);
    assert.deepEqual(await spoken(), first);
    portal.status = sample('dead');
    await page.clock.runFor(11_500);
    await state('dead');
    await page.clock.runFor(200);
    assert.deepEqual((await spoken()).slice(first.length), ['alert: Contoso Ltd: the connection needs reconnecting.']);
  });

  test('nothing moves for those who asked for that', async () => {
    await use({ reducedMotion: 'reduce' });
    portal.status = { ...sample('healthy'), sync: { state: 'running' } };
    await show({});
    assert.equal(await page.evaluate(() => document.querySelector('evergrant-status').shadowRoot.getAnimations().length), 0);
  });

  test('high contrast, 320 px and text from right to left are drawn without loss', async () => {
    await use({ forcedColors: 'active', viewport: { width: 320, height: 700 } });
    portal.status = sample('dead');
    await show({});
    await pictured('dead-forced-320');
    await use({ viewport: { width: 800, height: 700 } });
    await show({ locale: 'ar' }, { dir: 'rtl', lang: 'ar' });
    await pictured('dead-rtl-800');
    const [icon, title] = await page.evaluate(() => ['.emblem', '.title'].map((part) => document.querySelector('evergrant-status').shadowRoot.querySelector(`section ${part}`).getBoundingClientRect().left));
    assert.ok(icon > title);
  });

  test('words and formats follow the locale and the messages', async () => {
    portal.status = sample('expiring');
    await show({ locale: 'de' });
    await page.evaluate(() => (document.querySelector('evergrant-status').messages = { 'forecast.stops': 'Endet wohl am {day}, {distance}', 'health.expiring': 'Läuft ab' }));
    await widget().getByText('Endet wohl am 14. Mai, in 6 Tagen').waitFor();
    await widget().getByText('1.284').waitFor();
  });

  test('readonly and no-reconnect take the buttons away', async () => {
    await show({ 'no-reconnect': '' });
    assert.deepEqual([await button('Renew consent').count(), await button('Sync now').count()], [0, 1]);
    await page.evaluate(() => (document.querySelector('evergrant-status').readonly = true));
    await until(async () => (await button('Sync now').count()) === 0, 'no button');
  });

  test('the theme wins over the system, and tokens over the theme', async () => {
    await show({ theme: 'dark' });
    const surface = () => page.evaluate(() => getComputedStyle(document.querySelector('evergrant-status').shadowRoot.querySelector('section')).backgroundColor);
    assert.equal(await surface(), 'rgb(23, 26, 32)');
    await page.addStyleTag({ content: 'evergrant-status{--eg-color-surface:rgb(1, 2, 3)}' });
    assert.equal(await surface(), 'rgb(1, 2, 3)');
  });

  test('the heading takes its rank from the page', async () => {
    await show({ 'heading-level': 4 });
    assert.equal(await widget().getByRole('heading', { level: 4, name: 'Contoso Ltd' }).count(), 1);
  });

  test('the token is nowhere but in the header', async () => {
    await show({});
    const places = await page.evaluate(() => [document.documentElement.outerHTML, location.href, JSON.stringify(sessionStorage), JSON.stringify(localStorage), document.cookie].join());
    assert.ok(!places.includes('token-1'));
  });

  test('a logout drops the token and what was shown', async () => {
    await show({});
    await page.evaluate(() => document.querySelector('evergrant-status').logout());
    await widget().getByText('Code: missing_token').waitFor();
    assert.equal(await page.evaluate(() => document.querySelector('evergrant-status').status), undefined);
  });
});

describe('what is written about it', () => {
  const source = (path) => readFileSync(new URL(`../../widget/${path}`, import.meta.url), 'utf8');
  const sources = ['js/frame.js', 'src/view.rs', 'src/view/consent.rs', 'src/view/details.rs', 'src/view/notice.rs'].map(source).join('\n');
  const [declaration] = JSON.parse(source('custom-elements.json')).modules[0].declarations;
  const names = (list) => list.map(({ name }) => name).sort();
  const found = (text, pattern) => [...new Set([...text.matchAll(pattern)].map(([, name]) => name))].sort();

  test('is what was built', async () => {
    // On a server the module loads, and does nothing.
    const { EvergrantStatus } = await import(`${dist}/evergrant-status.js`);
    assert.deepEqual(names(declaration.attributes), EvergrantStatus.observedAttributes.filter((name) => name !== 'lang').sort());
    const script = source('js/element.js') + source('js/session.js');
    assert.deepEqual(names(declaration.events), found(script, /mit\('([\w-]+)'/g).map((name) => `eg-${name}`));
    assert.deepEqual(names(declaration.cssProperties), found(source('js/style.css'), /var\((--eg-[\w-]+)/g));
    const parts = found(sources, /part(?:=|: |=\{if tone == "busy" \{ )["']([\w-]+)["']/g).concat('toast');
    assert.deepEqual(names(declaration.cssParts), [...new Set(parts)].sort());
    const { prototype } = EvergrantStatus;
    for (const { name, kind, static: isStatic } of declaration.members) if (kind === 'method' || name !== 'ready') assert.ok(name in (isStatic ? EvergrantStatus : prototype), name);
  });

  test('is written in the README and in the types too', () => {
    const readme = source('README.md');
    for (const list of ['attributes', 'events', 'cssProperties', 'cssParts', 'cssStates']) for (const name of names(declaration[list])) assert.ok(readme.includes(`\`${name}\``), name);
    const types = source('js/element.d.ts');
    for (const name of [...names(declaration.members), ...names(declaration.events)]) assert.ok(types.includes(name), name);
  });
});
