// The whole story, as a customer's administrator lives it: a grant dies, the card says why, one click repairs it, people flow again.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from './lib/browser.mjs';
import { Product } from './lib/product.mjs';

const pictures = fileURLToPath(new URL('../../artifacts/story', import.meta.url));
/** Long enough for a slow machine; nothing waits for it but a failure. */
const PATIENCE = 60_000;

let browser;
let product;

before(async () => {
  mkdirSync(pictures, { recursive: true });
  [browser, product] = await Promise.all([launch(), Product.start()]);
});

after(async () => {
  await browser?.close();
  await product?.close();
});

/** A portal page for one customer, as soon as its story has been set up. */
async function open(customer, options = {}, { portal } = product) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const faults = [];
  page.on('pageerror', (error) => faults.push(error.message));
  await page.goto(portal);
  await page.locator('#customer').selectOption(customer);
  return { page, context, faults };
}

const state = (page, word) => page.locator(`evergrant-status[data-state~="${word}"]`).first().waitFor();
const picture = (page, name) => page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true });
const stored = async (page) => Number((await page.locator('#people-count').textContent()).replace(/\D/g, ''));

async function until(what, holds) {
  const patience = AbortSignal.timeout(PATIENCE);
  while (!(await holds())) {
    assert.ok(!patience.aborted, `${what}, in time`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Works the simulator's panel. */
async function act(page, name) {
  const panel = page.locator('#panel-toggle');
  if ((await panel.getAttribute('aria-expanded')) !== 'true') await panel.click();
  await page.locator(`[data-act="${name}"]`).click();
}

/** Chooses Reconnect, and goes through the sign-in in the popup: account, second factor and consent, as far as each is asked for. */
async function reconnect(page, context) {
  const opened = context.waitForEvent('page');
  await page.locator('evergrant-status').getByRole('button', { name: 'Reconnect' }).click();
  const popup = await opened;
  popup.setDefaultTimeout(PATIENCE);
  await popup.locator('#account-0').click();
  // The page with the accounts has a button of the same name as the one for the second factor.
  await popup.locator('#account-0').waitFor({ state: 'detached' });
  const [factor, consent] = [popup.locator('#next'), popup.locator('#accept')];
  const connected = popup.getByRole('heading', { name: 'Connected' });
  await factor.or(consent).or(connected).first().waitFor();
  if (await factor.isVisible()) {
    await picture(popup, '3-second-factor');
    await factor.click();
    await consent.or(connected).first().waitFor();
  }
  if (await consent.isVisible()) {
    await picture(popup, '3-consent');
    await consent.click();
  }
  return popup;
}

/** Lets time pass, and waits until it has. */
async function pass(page, customer, span) {
  await page.locator(`[data-pass="${span}"]`).click();
  const passing = async () => (await (await fetch(new URL(`/panel/state?customer=${customer}`, page.url()))).json()).passing;
  await until('time begins to pass', async () => (await passing()) !== null);
  await until('time has passed', async () => (await passing()) === null);
}

test('a grant dies, the card says why, one click repairs it, and people flow again', async () => {
  const { page, context, faults } = await open('harbor-finch');
  await state(page, 'healthy');
  await until('everybody is stored', async () => (await stored(page)) >= 400);
  const before = await stored(page);
  await picture(page, '1-healthy');

  await act(page, 'reset-password');
  await act(page, 'add-people');
  await act(page, 'check-now');
  await state(page, 'dead');
  await page.locator('evergrant-status').getByText('Password reset or sessions revoked').waitFor();
  await picture(page, '2-dead');

  const popup = await reconnect(page, context);
  await state(page, 'healthy');
  await until('the popup closes by itself', async () => popup.isClosed());
  await until('the new people are stored', async () => (await stored(page)) === before + 10);
  await picture(page, '4-healthy-again');

  await page.locator('#people-search').fill('a');
  await until('the search finds somebody', async () => (await page.locator('#people tbody tr').count()) > 0);
  assert.deepEqual(faults, []);
  await context.close();
});

test('two weeks show how a remembered second factor ends a grant, and that the next end is foreseen', async (report) => {
  const customer = 'harbor-finch';
  // A world of its own: in the others time stands still.
  const world = await Product.start();
  report.after(() => world.close());
  const { page, context, faults } = await open(customer, {}, world);
  await state(page, 'healthy');
  await page.locator('#preparing').waitFor({ state: 'hidden' });
  const began = performance.now();
  await act(page, 'remember-mfa14');
  await pass(page, customer, '14d');
  await pass(page, customer, '1d');
  await state(page, 'dead');
  await page.locator('evergrant-status').getByText('Multi-factor authentication must be repeated').waitFor();
  await picture(page, '6-two-weeks-later');
  await reconnect(page, context);
  await state(page, 'healthy');
  await pass(page, customer, '7d');
  await pass(page, customer, '1d');
  await state(page, 'expiring');
  await page.locator('evergrant-status').getByText(/Likely to stop on/).waitFor();
  await picture(page, '7-foreseen');
  report.diagnostic(`23 days were watched in ${Math.round((performance.now() - began) / 1000)} s`);
  assert.deepEqual(faults, []);
  await context.close();
});

for (const [customer, health] of [
  ['alder-clinics', 'expiring'],
  ['brightwater', 'dead'],
  ['kestrel', 'dead'],
  ['lumen-legal', 'dead'],
  ['marigold', 'dead'],
  ['oakline', 'dead'],
  ['quill-sons', 'suspended'],
  ['sable', 'operator-fault'],
]) {
  test(`the seeded customer ${customer} is ${health}, light, dark and narrow`, async () => {
    for (const [name, options] of [
      ['light', { colorScheme: 'light' }],
      ['dark', { colorScheme: 'dark' }],
      ['narrow', { viewport: { width: 360, height: 800 } }],
    ]) {
      const { page, context, faults } = await open(customer, options);
      await state(page, health);
      await picture(page, `${customer}-${name}`);
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${customer} ${name} fits its window`);
      assert.deepEqual(faults, []);
      await context.close();
    }
  });
}

test('somebody without a connection is offered one, and gets it', async () => {
  const { page, context } = await open('tern-coffee');
  const opened = context.waitForEvent('page');
  await page.getByRole('button', { name: /Connect/ }).click();
  const popup = await opened;
  popup.setDefaultTimeout(PATIENCE);
  await popup.locator('#login').fill('nobody@nowhere.example');
  await popup.locator('#cancel').click();
  await page.getByText(/cancelled or the permissions were declined/).waitFor();
  await picture(page, '5-declined');

  const again = context.waitForEvent('page');
  await page.getByRole('button', { name: /Connect|Try again/ }).first().click();
  const second = await again;
  second.setDefaultTimeout(PATIENCE);
  const account = second.locator('button[id^="account-"]', { hasText: /tern/i }).first();
  await account.click();
  await second.locator('#accept').click();
  await state(page, 'healthy');
  await until('its people are stored', async () => (await stored(page)) === 12);
  await context.close();
});
