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
const PATIENCE = 300_000;

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
  await met(popup, popup.locator('#account-0'), { state: 'detached' });
  const [factor, consent] = [popup.locator('#next'), popup.locator('#accept')];
  const connected = popup.getByRole('heading', { name: 'Connected' });
  await met(popup, factor.or(consent).or(connected));
  if (await isShown(factor)) {
    await picture(popup, '3-second-factor');
    await factor.click();
    await met(popup, consent.or(connected));
  }
  if (await isShown(consent)) {
    await picture(popup, '3-consent');
    await consent.click();
  }
  return popup;
}

/** Waits for something in the popup. The card closes the popup at the end, maybe before the last page is seen. */
async function met(popup, locator, options) {
  try {
    await locator.first().waitFor(options);
  } catch (error) {
    if (!popup.isClosed()) throw error;
  }
}

const isShown = (locator) => locator.isVisible().catch(() => false);

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
  // While the history is played the clock leaps by hours, and a sign-in that is under way would be too late.
  await page.locator('#preparing').waitFor({ state: 'hidden' });
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
  // One end of its kind is a guess, and a guess is told from three days before.
  await pass(page, customer, '7d');
  for (let days = 0; days < 5; days += 1) await pass(page, customer, '1d');
  await state(page, 'expiring');
  await page.locator('evergrant-status').getByText(/Likely to stop on/).waitFor();
  await picture(page, '7-foreseen');
  report.diagnostic(`27 days were watched in ${Math.round((performance.now() - began) / 1000)} s`);
  assert.deepEqual(faults, []);
  await context.close();
});

/** Folds the ways open, and chooses one of them; answers the popup. */
async function choose(page, context, name) {
  const card = page.locator('evergrant-status');
  const choices = card.locator('details.choices');
  if ((await choices.getAttribute('open')) === null) await choices.locator('summary').click();
  const opened = context.waitForEvent('page');
  await card.getByRole('button', { name, exact: true }).click();
  const popup = await opened;
  popup.setDefaultTimeout(PATIENCE);
  return popup;
}

/** Waits until the popup has gone, which the card closes, and until the card says how it ended. */
async function concluded(page, popup, title) {
  await page.locator('evergrant-status .panel').getByText(title).waitFor();
  await until('the popup closes by itself', async () => popup.isClosed());
}

test('a backup takes over when the first consent dies, and the app itself can read instead', async () => {
  // A world of its own: the others' stories begin with the first admin's consent.
  const world = await Product.start();
  const customer = 'harbor-finch';
  const { page, context, faults } = await open(customer, {}, world);
  try {
    await state(page, 'healthy');
    await page.locator('#preparing').waitFor({ state: 'hidden' });
    const before = await stored(page);
    const access = page.locator('evergrant-status .access');
    const { tenant } = await (await fetch(new URL(`/panel/state?customer=${customer}`, page.url()))).json();
    const [first, second] = tenant.admins.map((admin) => admin.user_principal_name);
    await access.getByText(`On behalf of ${first}`).waitFor();

    // The account in use is no backup of itself.
    const same = await choose(page, context, 'Add a backup consent');
    await same.getByRole('button', { name: first }).click();
    await concluded(page, same, 'No backup added');
    await picture(page, '8-same-account');
    const opened = context.waitForEvent('page');
    await page.locator('evergrant-status .panel').getByRole('button', { name: 'Try another account' }).click();
    const popup = await opened;
    popup.setDefaultTimeout(PATIENCE);
    await popup.getByRole('button', { name: second }).click();
    await concluded(page, popup, 'Backup added');
    await access.getByText(`Backup: ${second}`).waitFor();
    await picture(page, '8-backup-added');

    await act(page, 'reset-password');
    await act(page, 'check-now');
    await access.getByText(`On behalf of ${second}`).waitFor();
    await state(page, 'healthy');
    await page.locator('#log').getByText('its backup took over').waitFor();
    assert.equal(await access.getByText('Backup:').count(), 0);
    await picture(page, '9-backup-in-use');

    const consent = await choose(page, context, 'Switch to app-only access');
    await consent.getByRole('button', { name: second }).click();
    await consent.getByText('without a signed-in user').first().waitFor();
    await picture(consent, '10-admin-consent');
    await consent.locator('#accept').click();
    // The sign-in that proves whose tenant it is.
    await consent.getByRole('button', { name: second }).click();
    await concluded(page, consent, 'Switched to app-only access');
    await access.getByText('By the app itself').waitFor();
    await picture(page, '10-app-only');
    await act(page, 'reset-password');
    await act(page, 'check-now');
    await page.locator('#panel-said').getByText('The grant was tried').waitFor();
    await state(page, 'healthy');
    await access.getByText('By the app itself').waitFor();

    const back = await choose(page, context, 'Switch back to access on behalf of a person');
    await back.getByRole('button', { name: second }).click();
    await concluded(page, back, 'Switched back');
    await access.getByText(`On behalf of ${second}`).waitFor();
    assert.equal(await stored(page), before);
    assert.deepEqual(faults, []);
  } finally {
    await context.close();
    await world.close();
  }
});

for (const [customer, health, says] of [
  ['alder-clinics', 'expiring'],
  ['brightwater', 'dead'],
  ['juniper-rail', 'healthy', 'By the app itself'],
  ['kestrel', 'dead'],
  ['lumen-legal', 'dead'],
  ['marigold', 'dead'],
  ['oakline', 'dead'],
  ['pemberton', 'healthy', 'Backup: it.admin@'],
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
      if (says) await page.locator('evergrant-status .access').getByText(says).waitFor();
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
  await page.getByRole('alert').getByText(/cancelled or the permissions were declined/).waitFor();
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
