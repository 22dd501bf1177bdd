import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { executablePath, launchBrowser, shownOn } from './chromium.js';
import { hostile, runIds } from './fake-runs.js';
import { eventMeta, startTestConsole } from './start-console.js';
import type { TestConsole } from './start-console.js';

/** Set CONSOLE_SCREENSHOTS to a folder to have every page drawn there. */
const screenshots = process.env['CONSOLE_SCREENSHOTS'];

const pages: [name: string, path: string, texts: string[]][] = [
  [
    'runs',
    '#/runs',
    [runIds.promoted, 'promoted', 'training', 'RK_TRAIN_DIVERGED', 'accuracy 0.9767 ± 0.0132', '3.12 s'],
  ],
  [
    'run-promoted',
    `#/runs/${runIds.promoted}`,
    [
      'Gate passed',
      'Confusion matrix',
      'fold 5',
      'final, all rows',
      'host-a/4711/2',
      'v20.20.0',
      'Better than the champion',
      'rookery-plugin-tfidf 1.0.0 777777777777…',
    ],
  ],
  ['run-training', `#/runs/${runIds.training}`, ['trained 2/6', 'queued']],
  [
    'run-searching',
    `#/runs/${runIds.searching}`,
    [
      'searched 4/9',
      'asha, 9 trials × 5 folds, rungs of 10, 30 epochs',
      'best: trial 1, log_loss 0.2100',
      'RK_TRAIN_DIVERGED',
      'optimizer.learningRate=0.02469',
      hostile,
    ],
  ],
  ['run-failed', `#/runs/${runIds.failed}`, ['RK_TRAIN_DIVERGED', 'the loss is not finite', hostile]],
  [
    'run-cancelled',
    `#/runs/${runIds.cancelled}`,
    ['attempt 2', 'cancelled by console', 'Attempt 2 resumed by cli:ada', 'RK_ARTIFACT_NOT_FOUND', hostile],
  ],
  [
    'run-rejected',
    `#/runs/${runIds.rejected}`,
    ['Gate not passed', 'rmse 61.2 is above 55', 'plugin (knn 1.0.0)'],
  ],
  [
    'run-tagged',
    `#/runs/${runIds.tagged}`,
    ['f1_micro', 'Labels, held-out rows', 'False alarm', '0.405', '0.108', '–', hostile],
  ],
  ['models', '#/models', ['penguins', 'champion → v3']],
  [
    'model',
    '#/models/penguins',
    [
      'Versions',
      'Signature',
      'Input example',
      'Champion history',
      'refused by 1',
      'rookery-plugin-tfidf 1.0.0 777777777777…',
      hostile,
    ],
  ],
  ['datasets', '#/datasets', ['penguins v2', 'Rejected requests', 'RK_DATASET_TARGET_MISSING', hostile]],
  ['dataset', '#/datasets/penguins/2', ['body_mass_g', 'Distribution', hostile]],
  ['monitor', '#/monitor', ['penguins', '1,204']],
  [
    'monitored',
    '#/monitor/penguins',
    [
      'data set drifted',
      '4 of 6 columns drifted',
      'Quality',
      'Recent predictions',
      hostile,
      'insufficient',
      'health|sports',
      'no label',
    ],
  ],
  [
    'plugins',
    '#/plugins',
    [
      "1 of 5 can't be used",
      'rookery-plugin-knn',
      'models that were trained with it',
      'model: classification, regression',
      'checking',
      'RK_PLUGIN_INVALID',
      hostile,
    ],
  ],
  ['system', '#/system', ['2 of 3 serving', 'unreachable', 'host-a/4712', 'Events']],
];

describe.skipIf(executablePath === undefined)('the pages in a browser', () => {
  let console_: TestConsole;
  let browser: Browser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    console_ = await startTestConsole();
    browser = await launchBrowser();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    complaints = [];
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(console_.url) && !request.url().startsWith('data:'))
        complaints.push(`foreign request: ${request.url()}`);
    });
  });
  afterAll(async () => {
    await browser?.close();
    await console_?.stop();
  });

  const open = async (path: string): Promise<void> => {
    await page.goto(`${console_.url}/${path}`);
    await page.waitForSelector('main h1');
  };
  const shown = (): Promise<string> => shownOn(page);

  it.each(pages)(
    '%s shows what it should, without a complaint of the browser, and hostile text stays text',
    async (name, path, texts) => {
      complaints.length = 0;
      await open(path);
      for (const text of texts) await expect.poll(shown).toContain(text);
      expect(await page.evaluate('globalThis.pwned')).toBeUndefined();
      expect(await page.locator('main img, main script').count()).toBe(0);
      expect(complaints).toEqual([]);
      if (screenshots !== undefined) await takeScreenshots(name);
    },
  );

  it.each(pages)('%s is not wider than a narrow screen', async (_, path) => {
    await page.setViewportSize({ width: 400, height: 800 });
    await open(path);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(400);
    await page.setViewportSize({ width: 1280, height: 900 });
  });

  it('draws epochs as they are reported, without reading the page again', async () => {
    await open(`#/runs/${runIds.training}`);
    await page.waitForSelector('.link-state[data-state=live]');
    for (let epoch = 1; epoch <= 12; epoch++) {
      console_.hub.progress({
        runId: runIds.training,
        fold: 2,
        final: false,
        epoch,
        epochs: 50,
        loss: 1 / epoch,
        metricName: 'accuracy',
        metric: epoch / 50,
      });
    }
    await expect.poll(shown).toContain('12/50');
    expect(await page.locator('svg[aria-label^="loss from 1 to 0.0833"]').count()).toBe(1);
    if (screenshots !== undefined) await takeScreenshots('run-live');
  });

  it('shows what a plug-in came to without being asked again, and how to allow one where there is none', async () => {
    const { plugins } = console_.data;
    await open('#/plugins');
    await expect.poll(shown).toContain('checking');
    const [known] = await plugins();
    console_.data.plugins = async () => (known === undefined ? [] : [known]);
    try {
      await expect.poll(shown, { timeout: 20_000 }).toContain('1 allowed');
      expect(await shown()).not.toContain('checking');
      console_.data.plugins = async () => [];
      await open('#/runs');
      await open('#/plugins');
      await expect.poll(shown).toContain('ROOKERY_PLUGINS');
      if (screenshots !== undefined) await takeScreenshots('plugins-none');
    } finally {
      console_.data.plugins = plugins;
    }
  });

  it('shows a new event on the system page at once', async () => {
    await open('#/system');
    await page.waitForSelector('.link-state[data-state=live]');
    console_.hub.event(eventMeta('ml.model.promoted', 'penguins'));
    console_.hub.event(eventMeta('ml.run.started', runIds.training));
    await expect.poll(shown).toContain('ml.model.promoted');
    expect(await page.locator(`a[href="http://127.0.0.1:16686/trace/${'d'.repeat(32)}"]`).count()).toBe(2);
    if (screenshots !== undefined) await takeScreenshots('system-events');
  });

  it('reads the runs again after an event, and keeps the focus where it was', async () => {
    await open('#/runs');
    await page.waitForSelector('.link-state[data-state=live]');
    await page.locator(`a[href="#/runs/${runIds.promoted}"]`).focus();
    const reads = page.waitForResponse((response) => response.url().includes('/api/v1/runs'));
    console_.hub.event(eventMeta('ml.run.completed', runIds.promoted));
    await reads;
    expect(await page.evaluate('document.activeElement.getAttribute("href")')).toBe(
      `#/runs/${runIds.promoted}`,
    );
  });

  it('draws no curve for a model that tells of no epochs', async () => {
    await open(`#/runs/${runIds.rejected}`);
    await expect.poll(shown).toContain('fold 5');
    expect(await page.locator('main svg').count()).toBe(0);
  });

  it('resumes a failed run by the button, and offers nothing where the state allows nothing', async () => {
    await open(`#/runs/${runIds.failed}`);
    const asked = console_.data.turnsAsked.length;
    await page.getByRole('button', { name: 'Resume' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(() => console_.data.turnsAsked.length).toBe(asked + 1);
    for (const runId of [runIds.promoted, runIds.rejected, runIds.cancelled]) {
      await open(`#/runs/${runId}`);
      expect(await page.getByRole('button', { name: /Resume|Cancel run/ }).count()).toBe(0);
    }
  });

  it('cancels a run only when it was asked twice', async () => {
    await open(`#/runs/${runIds.training}`);
    const asked = console_.data.turnsAsked.length;
    await page.getByRole('button', { name: 'Cancel run' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    await page.getByRole('button', { name: 'Cancel run' }).click();
    if (screenshots !== undefined) await takeScreenshots('run-cancel');
    expect(console_.data.turnsAsked).toHaveLength(asked);
    await page.getByRole('button', { name: 'Yes, cancel for good' }).click();
    await expect.poll(() => console_.data.turnsAsked.length).toBe(asked + 1);
    expect(console_.data.turnsAsked.at(-1)).toEqual({
      cancel: { runId: runIds.training, actor: 'console', reason: '' },
    });
  });

  it('makes a report by the button, by keyboard alone', async () => {
    await open('#/monitor/penguins');
    const asked = console_.data.reportsAsked.length;
    await page.getByRole('button', { name: 'Report now' }).focus();
    await page.keyboard.press('Enter');
    await expect.poll(shown).toContain('Reported on 200 predictions');
    expect(console_.data.reportsAsked).toHaveLength(asked + 1);
  });

  it('shows another version of a model when asked', async () => {
    await open('#/models/penguins');
    await page.getByRole('button', { name: 'show v2' }).click();
    await expect.poll(shown).toContain('golden row 3 differs by 0.2');
  });

  it('finds back by itself after the console was away, and reads everything again', async () => {
    const before = await startTestConsole();
    await page.goto(`${before.url}/#/runs`);
    await page.waitForSelector('.link-state[data-state=live]');
    await before.stop();
    await page.waitForSelector('.link-state[data-state=lost]');
    const after = await startTestConsole({ port: before.port });
    try {
      after.data.runs = async () => [];
      await page.waitForSelector('.link-state[data-state=live]');
      await expect.poll(shown).toContain('No run yet');
    } finally {
      await page.goto('about:blank');
      await after.stop();
    }
  });

  it('says what is wrong and what to do where something is not there', async () => {
    await page.goto(`${console_.url}/#/runs/run-none`);
    await expect.poll(shown).toContain('RK_RUN_NOT_FOUND');
    await page.goto(`${console_.url}/#/nowhere`);
    await expect.poll(shown).toContain('There is no such page');
  });

  it('keeps the theme that was chosen', async () => {
    await open('#/runs');
    await page.getByRole('button', { name: 'Theme: auto' }).click();
    await page.getByRole('button', { name: 'Theme: light' }).click();
    await page.reload();
    await page.waitForSelector('main h1');
    expect(await page.evaluate('document.documentElement.dataset.theme')).toBe('dark');
    await page.evaluate('localStorage.clear()');
  });

  async function takeScreenshots(name: string): Promise<void> {
    const folder = screenshots ?? '';
    mkdirSync(folder, { recursive: true });
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      await page.screenshot({ path: join(folder, `${name}-${scheme}.png`), fullPage: true });
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize({ width: 400, height: 800 });
    await page.screenshot({ path: join(folder, `${name}-narrow.png`), fullPage: true });
    await page.setViewportSize({ width: 1280, height: 900 });
  }
});
