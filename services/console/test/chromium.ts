import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';
import type { Browser, Page } from 'playwright-core';

/** The browser of this machine; undefined, after a word about it, where there is none. */
export const executablePath = [
  process.env['CHROMIUM'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path));
if (executablePath === undefined)
  console.log('browser tests are skipped: there is no Chromium (apt-get install chromium, or set CHROMIUM)');

/** Starts it, without a window. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: executablePath ?? '',
    args: ['--no-sandbox', '--disable-gpu'],
  });
}

/** All the text that a page shows. */
export function shownOn(page: Page): Promise<string> {
  return page.evaluate("document.body.textContent.replaceAll('\\u00a0', ' ')");
}
