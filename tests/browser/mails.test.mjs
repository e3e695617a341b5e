// Every mail in a real browser: in light and dark, on a narrow screen, with nothing that a mail program would drop or that leads astray.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { launch } from './lib/browser.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const writer = process.env.EVERGRANT_MAILS ?? join(root, 'target/debug/examples/mails');
const pictures = join(root, 'artifacts/mails/');
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

let browser;
let folder;
let mails;

before(async () => {
  assert.ok(existsSync(writer), `there is no ${writer}: run cargo build -p system-tests --example mails`);
  mkdirSync(pictures, { recursive: true });
  folder = mkdtempSync(join(tmpdir(), 'evergrant-mails-'));
  execFileSync(writer, [folder]);
  mails = readdirSync(folder).filter((file) => file.endsWith('.html')).map((file) => file.slice(0, -'.html'.length));
  assert.ok(mails.length >= 20, `${mails.length} mails`);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Shows each mail in turn. */
async function each(options, look) {
  const context = await browser.newContext({ ...options, offline: true });
  const page = await context.newPage();
  const asked = [];
  page.on('request', (request) => request.url().startsWith('file:') || asked.push(request.url()));
  for (const mail of mails) {
    await page.goto(pathToFileURL(join(folder, `${mail}.html`)).href);
    await look(page, mail);
  }
  assert.deepEqual(asked, [], 'nothing is loaded from anywhere');
  await context.close();
}

const EVERYTHING = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Rules that the page breaks, as axe sees them. */
async function faults(page, rules) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((runOnly) => axe.run(document, { runOnly }), rules);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, any }) => `${id} ${target.flat().join(' ')} ${any[0]?.message ?? ''}`));
}

describe('every mail', () => {
  for (const colorScheme of ['light', 'dark'])
    for (const width of [640, 320])
      test(`is readable, ${colorScheme}, ${width} px`, async () => {
        await each({ colorScheme, viewport: { width, height: 800 } }, async (page, mail) => {
          const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
          assert.ok(overflow <= 0, `${mail} is ${overflow} px wider than the screen`);
          await page.screenshot({ path: `${pictures}${mail}-${colorScheme}-${width}.png`, fullPage: true });
          // Colours are those of the scheme at any width, and everything else is the same in any scheme.
          if (width === 320) assert.deepEqual(await faults(page, colorScheme === 'light' ? EVERYTHING : ['color-contrast']), [], mail);
        });
      });

  test('is readable where its style sheet was dropped', async () => {
    await each({ colorScheme: 'light', viewport: { width: 320, height: 800 } }, async (page, mail) => {
      await page.evaluate(() => document.querySelectorAll('style').forEach((style) => style.remove()));
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${mail} is ${overflow} px wider than the screen`);
    });
  });

  test('has one button, which leads to the portal, and no link that starts anything', async () => {
    await each({ viewport: { width: 640, height: 800 } }, async (page, mail) => {
      const buttons = await page.locator('a.button').evaluateAll((links) => links.map(({ href }) => href));
      assert.deepEqual(buttons, ['https://portal.example/settings/directory'], mail);
      const { width, height } = await page.locator('a.button').boundingBox();
      assert.ok(width >= 44 && height >= 44, `${mail}: the button is ${width} by ${height} px`);
      const links = await page.locator('a').evaluateAll((links) => links.map(({ href }) => new URL(href).host));
      for (const host of links) assert.match(host, /^(portal\.example|api\.example|learn\.microsoft\.com|login\.microsoftonline\.com)$/, mail);
      assert.equal(await page.locator('script, img, table, iframe, form, link').count(), 0, mail);
    });
  });

  test('is whole as text', () => {
    for (const mail of mails) {
      const text = readFileSync(join(folder, `${mail}.txt`), 'utf8');
      assert.ok(text.includes('https://portal.example/settings/directory'), mail);
      assert.doesNotMatch(text, /[<>]\/?(p|div|a|li)\b|\{|\}/, mail);
    }
  });
});
