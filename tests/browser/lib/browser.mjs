// Starts Chromium the way the widget's users run it: with storage partitioning, the popup blocker and the back/forward cache, all of
// which Playwright switches off by default. With its defaults, popup tests pass that fail for everybody else.

import { chromium } from 'playwright-core';

const FEATURES = '--disable-features=';
const executablePath = process.env.EVERGRANT_CHROMIUM ?? '/usr/bin/chromium';

/** The switch with which this version of Playwright takes features away, as it stands: only then can it be taken back. */
async function playwrightsFeatures() {
  const probe = await chromium.launchServer({ executablePath, chromiumSandbox: false });
  const flag = probe.process().spawnargs.find((argument) => argument.startsWith(FEATURES));
  await probe.close();
  return flag;
}

/** A browser; `EVERGRANT_CHROMIUM` names another one than Debian's. */
export async function launch() {
  const flag = await playwrightsFeatures();
  const kept = flag?.slice(FEATURES.length).split(',').filter((feature) => feature !== 'ThirdPartyStoragePartitioning');
  return chromium.launch({
    executablePath,
    chromiumSandbox: false,
    ignoreDefaultArgs: ['--disable-popup-blocking', '--disable-back-forward-cache', ...(flag ? [flag] : [])],
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--enable-precise-memory-info',
      ...(kept ? [FEATURES + kept.join(',')] : []),
    ],
  });
}
