import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthoriser } from '@rookery/service-kit';
import { digestOfToken, newToken } from '@rookery/service-kit/tokens';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';

import { executablePath, launchBrowser, shownOn } from './chromium.js';
import { runIds } from './fake-runs.js';
import { eventMeta, startTestConsole } from './start-console.js';
import type { TestConsole } from './start-console.js';

const folder = mkdtempSync(join(tmpdir(), 'rookery-console-'));
const tokensFile = join(folder, 'tokens.json');
const [reader, publisher] = [newToken(), newToken()];
const entry = (name: string, token: string, roles: readonly string[]): object => ({
  name,
  roles,
  sha256: digestOfToken(token).toString('hex'),
});
const ann = entry('ann', reader, ['read']);
const bob = entry('bob', publisher, ['read', 'publish']);
const write = (tokens: readonly object[]): void => writeFileSync(tokensFile, JSON.stringify({ tokens }));

describe.skipIf(executablePath === undefined)('a console that asks for a token, in a browser', () => {
  let console_: TestConsole;
  let browser: Browser;
  let visitor: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    write([ann, bob]);
    console_ = await startTestConsole({
      authoriser: createAuthoriser({ tokensFile, checkEveryMs: 0 }),
      streams: { heartbeatMs: 20 },
    });
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await console_?.stop();
    rmSync(folder, { recursive: true });
  });
  // Nobody has signed in yet.
  beforeEach(async () => {
    write([ann, bob]);
    visitor = await browser.newContext();
    page = await visitor.newPage();
  });
  afterEach(() => visitor.close());

  const shown = (): Promise<string> => shownOn(page);
  const signIn = async (token: string, path = '#/runs'): Promise<void> => {
    await page.goto(`${console_.url}/${path}`);
    await page.getByLabel('Token').fill(token);
    await page.keyboard.press('Enter');
  };

  it('shows no data to who has not signed in, whichever page is asked for', async () => {
    for (const path of [
      '',
      '#/runs',
      `#/runs/${runIds.promoted}`,
      '#/models',
      '#/datasets',
      '#/monitor',
      '#/plugins',
      '#/system',
    ]) {
      await page.goto(`${console_.url}/${path}`);
      await page.getByRole('heading', { name: 'Sign in' }).waitFor();
      expect(await shown(), path).not.toMatch(/penguins|run-/);
      expect(await page.getByRole('link', { name: 'Runs' }).count(), path).toBe(0);
      await page.goto('about:blank');
    }
  });

  it('refuses a wrong token with its reason, keeps nothing of it, and takes the right one after it', async () => {
    await signIn(newToken());
    await expect.poll(() => page.getByRole('alert').textContent()).toContain('RK_UNAUTHENTICATED');
    expect(await page.getByLabel('Token').inputValue()).toBe('');
    expect(await visitor.cookies()).toEqual([]);
    await page.getByLabel('Token').fill(reader);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('button', { name: 'Sign out ann' }).waitFor();
    await expect.poll(shown).toContain(runIds.promoted);
  });

  it('goes to the page that was asked for, and its pages and live events work from then on', async () => {
    await signIn(reader, `#/runs/${runIds.promoted}`);
    await expect.poll(shown).toContain('Gate passed');
    for (const [path, text] of [
      ['#/models/penguins', 'champion → v3'],
      ['#/datasets', 'penguins v2'],
      ['#/monitor/penguins', 'Recent predictions'],
      ['#/system', '2 of 3 serving'],
    ] as const) {
      await page.goto(`${console_.url}/${path}`);
      await expect.poll(shown).toContain(text);
    }
    await page.waitForSelector('.link-state[data-state=live]');
    console_.hub.event(eventMeta('ml.model.promoted', 'penguins'));
    await expect.poll(shown).toContain('ml.model.promoted');
    // No script can read what it is known by.
    expect(
      await page.evaluate('document.cookie + JSON.stringify(localStorage) + JSON.stringify(sessionStorage)'),
    ).not.toContain(reader);
    expect(await visitor.cookies()).toMatchObject([{ httpOnly: true, sameSite: 'Strict' }]);
  });

  it('shows a reader why it may not publish, and does nothing of it', async () => {
    const before = [console_.data.reportsAsked.length, console_.data.turnsAsked.length];
    await signIn(reader, '#/monitor/penguins');
    await page.getByRole('button', { name: 'Report now' }).click();
    await expect.poll(shown).toContain('RK_PERMISSION_DENIED');
    await page.goto(`${console_.url}/#/runs/${runIds.failed}`);
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(shown).toContain('RK_PERMISSION_DENIED');
    expect([console_.data.reportsAsked.length, console_.data.turnsAsked.length]).toEqual(before);
  });

  it('lets a publisher do it', async () => {
    await signIn(publisher, '#/monitor/penguins');
    await page.getByRole('button', { name: 'Report now' }).click();
    await expect.poll(shown).toContain('Reported on 200 predictions');
    await page.goto(`${console_.url}/#/runs/${runIds.failed}`);
    const asked = console_.data.turnsAsked.length;
    await page.getByRole('button', { name: 'Resume' }).click();
    await expect.poll(() => console_.data.turnsAsked.length).toBe(asked + 1);
  });

  it('asks again after signing out, and where the token is revoked: the live stream ends, and no page opens any more', async () => {
    await signIn(reader);
    await page.getByRole('button', { name: 'Sign out ann' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await visitor.cookies()).toEqual([]);
    await signIn(reader);
    await page.waitForSelector('.link-state[data-state=live]');
    write([bob]);
    await page.waitForSelector('.link-state[data-state=lost]');
    await page.goto(`${console_.url}/#/models`);
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await shown()).not.toMatch(/penguins|run-/);
  });
});
