import { RetryableError } from '@rookery/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { hostile, plugins, runIds, sha } from './fake-runs.js';
import { startTestConsole } from './start-console.js';
import type { Json, TestConsole } from './start-console.js';

let console_: TestConsole;
beforeAll(async () => {
  console_ = await startTestConsole();
});
afterAll(() => console_.stop());

describe('the JSON API', () => {
  it('lists runs with state in words, headline metric and how far they are', async () => {
    const { status, json } = await console_.call('/api/v1/runs');
    expect(status).toBe(200);
    expect(json.runs.map((run: Json) => [run.state, run.metric?.name ?? null, run.jobs.done])).toEqual([
      ['training', null, 2],
      ['promoted', 'accuracy', 6],
      ['promoted', 'f1_micro', 6],
      ['rejected', 'rmse', 6],
      ['failed', null, 1],
      ['cancelled', null, 2],
      ['training', null, 0],
    ]);
    expect(json.runs[1]).toMatchObject({
      version: 3,
      publishedToServingMs: 3120,
      dataset: { name: 'penguins', version: 2 },
    });
  });

  it('pages and filters runs', async () => {
    const page = await console_.call('/api/v1/runs?limit=1&offset=1');
    expect(page.json.runs.map((run: Json) => run.runId)).toEqual([runIds.promoted]);
    const filtered = await console_.call('/api/v1/runs?model=diabetes');
    expect(filtered.json.runs.map((run: Json) => run.model)).toEqual(['diabetes']);
  });

  it('shows a run with plan, curves, confusion and verdict', async () => {
    const { json } = await console_.call(`/api/v1/runs/${runIds.promoted}`);
    expect(json.plan).toMatchObject({ seed: 42, folds: 5, target: 'species', gate: { threshold: 0.7 } });
    expect(json.folds).toHaveLength(6);
    expect(json.folds[0].history.loss).toHaveLength(50);
    expect(json.verdict).toMatchObject({ passed: true, threshold: 0.7 });
    expect(json.confusion.classes).toEqual(['Adelie', 'Chinstrap', 'Gentoo']);
    expect(json.environment).toMatchObject({ backend: 'cpu', nodeVersion: 'v20.20.0' });
  });

  it('tells which plug-ins are allowed, with what each is, and the advice where one can not be used', async () => {
    const { json } = await console_.call('/api/v1/plugins');
    expect(
      json.plugins.map((plugin: Json) => [plugin.name, plugin.version, plugin.kind, plugin.state]),
    ).toEqual([
      ['rookery-plugin-tfidf', '1.0.0', 'transform', 'loads'],
      ['rookery-plugin-knn', '1.1.0', 'model', 'loads'],
      ['rookery-plugin-knn', '1.0.0', 'model', 'loads'],
      ['slow', '0.1.0', '', 'checking'],
      [`./${hostile}`, '', '', 'fails'],
    ]);
    expect(json.plugins[1]).toMatchObject({
      sha256: sha('8'),
      tasks: ['classification', 'regression'],
      forNewRuns: true,
      error: null,
    });
    expect(json.plugins[2].forNewRuns).toBe(false);
    expect(json.plugins[4].error).toMatchObject({ code: 'RK_PLUGIN_INVALID' });
    expect(json.plugins[4].error.hint).toContain('restart the services');
  });

  it('tells which plug-ins had a part in a run and in a version, by the lineage that is recorded', async () => {
    const run = await console_.call(`/api/v1/runs/${runIds.promoted}`);
    expect(run.json.plan.plugins).toEqual(plugins);
    const model = await console_.call('/api/v1/models/penguins');
    expect(model.json.versions[0].lineage.plugins).toEqual(plugins);
  });

  it('gives a searching run with its trials, the most promising first, and other runs without a search', async () => {
    const { json } = await console_.call(`/api/v1/runs/${runIds.searching}`);
    expect(json.search).toMatchObject({
      state: 'searching',
      best: { trial: 1, score: 0.21 },
      begun: 6,
      ended: 5,
      endedTrials: 4,
      bestSoFar: [0.51, 0.33, 0.33, 0.21],
    });
    expect(json.search.attempts.map((attempt: Json) => [attempt.trial, attempt.rung, attempt.score])).toEqual(
      [
        [1, 1, 0.21],
        [1, 0, 0.33],
        [3, 0, 0.44],
        [0, 0, 0.51],
        [2, 0, null],
        [4, 0, null],
      ],
    );
    const other = await console_.call(`/api/v1/runs/${runIds.promoted}`);
    expect(other.json.search).toBeNull();
  });

  it('gives a failed run the advice of its error code', async () => {
    const { json } = await console_.call(`/api/v1/runs/${runIds.failed}`);
    expect(json.code).toBe('RK_TRAIN_DIVERGED');
    expect(json.hint).not.toBe('');
  });

  it('adds what was reported live to a job that has no stored history', async () => {
    const at = (epoch: number): Json => ({
      runId: runIds.training,
      fold: 2,
      final: false,
      epoch,
      epochs: 50,
      loss: 1 / epoch,
      metricName: 'accuracy',
      metric: 0.5,
    });
    for (const epoch of [1, 2, 3]) console_.hub.progress(at(epoch));
    const { json } = await console_.call(`/api/v1/runs/${runIds.training}`);
    expect(json.folds[2]).toMatchObject({ state: 'training', live: { epochs: 50, loss: [1, 0.5, 1 / 3] } });
    expect(json.folds[0].live).toBeNull();
    const list = await console_.call('/api/v1/runs');
    expect(list.json.runs[0].live).toEqual({ runId: runIds.training, epochsDone: 3, epochs: 50 });
  });

  it.each([
    ['/api/v1/models', (json: Json) => json.models[0].aliases[0], { alias: 'champion', version: 3 }],
    [
      '/api/v1/models/penguins',
      (json: Json) => json.versions[0],
      { version: 3, metric: { name: 'accuracy' }, inputExample: { island: 'Biscoe', sex: null } },
    ],
    ['/api/v1/models/penguins/history', (json: Json) => json.changes[1], { version: 3, previousVersion: 1 }],
    [
      '/api/v1/datasets',
      (json: Json) => json.datasets[1],
      { state: 'rejected', version: null, code: 'RK_DATASET_TARGET_MISSING' },
    ],
    [
      '/api/v1/datasets/penguins/2',
      (json: Json) => json.profile.columns[1],
      { name: 'body_mass_g', min: 2700 },
    ],
    ['/api/v1/monitor', (json: Json) => json.models[0], { captured: 1204, dropped: 3 }],
    [
      '/api/v1/monitor/penguins',
      (json: Json) => json.reports[0],
      { datasetDrift: { drifted: true, driftedColumns: 4 } },
    ],
    [
      '/api/v1/monitor/penguins/predictions',
      (json: Json) => json.predictions[0],
      { label: 'Adelie', truth: 'Adelie', row: { body_mass_g: 5200 } },
    ],
    ['/api/v1/settings', (json: Json) => json, { jaegerUrl: 'http://127.0.0.1:16686' }],
  ])('answers %s', async (path, part, expected) => {
    const { status, json } = await console_.call(path);
    expect(status).toBe(200);
    expect(part(json)).toMatchObject(expected);
  });

  it('shows a service that is down as down', async () => {
    const { json } = await console_.call('/api/v1/system');
    expect(json.services.map((service: Json) => service.status)).toEqual([
      'SERVING',
      'SERVING',
      'UNREACHABLE',
    ]);
    expect(json.served.models[0]).toMatchObject({ model: 'penguins', version: 3 });
  });

  it('resumes and cancels a run as the console, with the reason that is given', async () => {
    const post = (runId: string, what: string, body: string): Promise<Json> =>
      console_.call(`/api/v1/runs/${runId}/${what}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    expect((await post(runIds.failed, 'resume', '{}')).json).toMatchObject({ state: 'training', attempt: 2 });
    expect((await post(runIds.training, 'cancel', '{"reason":"wrong file"}')).json.state).toBe('cancelled');
    expect(console_.data.turnsAsked).toEqual([
      { resume: { runId: runIds.failed, actor: 'console', reason: '' } },
      { cancel: { runId: runIds.training, actor: 'console', reason: 'wrong file' } },
    ]);
    const refused = await post(runIds.promoted, 'resume', '{}');
    expect([refused.status, refused.json.code]).toEqual([409, 'RK_RUN_ENDED']);
    for (const body of ['{"why":"x"}', '{"reason":1}', '[]']) {
      expect((await post(runIds.failed, 'cancel', body)).status).toBe(400);
    }
  });

  it('asks for a report with the version that is given, the champion otherwise', async () => {
    const post = (body: string): Promise<Json> =>
      console_.call('/api/v1/monitor/penguins/report', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
    expect((await post('{}')).json.report.reportId).toBe('report-3');
    await post('{"version":2}');
    expect(console_.data.reportsAsked).toEqual([
      { model: 'penguins', version: 0 },
      { model: 'penguins', version: 2 },
    ]);
  });
});

describe('errors of the API', () => {
  it.each([
    ['GET', '/api/v1/nothing', 404, 'RK_ROUTE_NOT_FOUND'],
    ['GET', '/nothing.html', 404, 'RK_ROUTE_NOT_FOUND'],
    ['GET', '/api/v1/runs/run-none', 404, 'RK_RUN_NOT_FOUND'],
    ['GET', '/api/v1/runs/a%20b', 400, 'RK_KEY_INVALID'],
    ['GET', '/api/v1/runs/%E0%A4', 400, 'RK_REQUEST_INVALID'],
    ['GET', '/api/v1/runs?limit=many', 400, 'RK_REQUEST_INVALID'],
    ['GET', '/api/v1/datasets/penguins/-1', 400, 'RK_REQUEST_INVALID'],
    ['DELETE', '/api/v1/runs', 405, 'RK_METHOD_NOT_ALLOWED'],
    ['POST', '/', 405, 'RK_METHOD_NOT_ALLOWED'],
    ['GET', '/api/v1/monitor/penguins/report', 405, 'RK_METHOD_NOT_ALLOWED'],
  ])('%s %s is %i %s, with what to do next', async (method, path, status, code) => {
    const answer = await console_.call(path, { method });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
    expect(answer.json.message).not.toBe('');
    expect(answer.json.hint).not.toBe('');
  });

  it('names the methods that a path takes', async () => {
    expect((await console_.call('/api/v1/runs', { method: 'PUT' })).headers.allow).toBe('GET, HEAD');
    expect((await console_.call('/api/v1/monitor/penguins/report', { method: 'GET' })).headers.allow).toBe(
      'POST',
    );
  });

  it.each([
    ['no content type', {}, '{}', 400, 'RK_REQUEST_INVALID'],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=1', 400, 'RK_REQUEST_INVALID'],
    ['broken JSON', { 'content-type': 'application/json' }, '{', 400, 'RK_MESSAGE_MALFORMED'],
    ['a list', { 'content-type': 'application/json' }, '[]', 400, 'RK_MESSAGE_WRONG_TYPE'],
    [
      'an unknown field',
      { 'content-type': 'application/json' },
      '{"versoin":1}',
      400,
      'RK_MESSAGE_UNKNOWN_FIELD',
    ],
    [
      'a version of the wrong type',
      { 'content-type': 'application/json' },
      '{"version":"1"}',
      400,
      'RK_MESSAGE_WRONG_TYPE',
    ],
    [
      'too much',
      { 'content-type': 'application/json' },
      `"${'x'.repeat(70_000)}"`,
      429,
      'RK_MESSAGE_TOO_LARGE',
    ],
  ])('refuses a body with %s', async (_, headers, body, status, code) => {
    const answer = await console_.call('/api/v1/monitor/penguins/report', { method: 'POST', headers, body });
    expect([answer.status, answer.json.code]).toEqual([status, code]);
  });

  it('says which service is away, and hides what nobody foresaw', async () => {
    const secret = 'mongodb://user:pass@host';
    const failing = await startTestConsole();
    try {
      failing.data.models = () =>
        Promise.reject(
          Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'connection refused' }),
        );
      failing.data.runs = () => Promise.reject(new Error(secret));
      failing.data.datasets = () => Promise.reject(new RetryableError('RK_OVERLOADED', 'full'));
      const away = await failing.call('/api/v1/models');
      expect([away.status, away.json.code]).toEqual([503, 'RK_UNAVAILABLE']);
      const unforeseen = await failing.call('/api/v1/runs');
      expect([unforeseen.status, unforeseen.json.code]).toEqual([500, 'RK_INTERNAL']);
      expect(unforeseen.text).not.toContain(secret);
      expect(failing.errors).toHaveLength(1);
      expect((await failing.call('/api/v1/datasets')).status).toBe(429);
    } finally {
      await failing.stop();
    }
  });
});

describe('/health', () => {
  it('says SERVING while ready, and NOT_SERVING with 503 otherwise', async () => {
    expect(await console_.call('/health')).toMatchObject({ status: 200, json: { status: 'SERVING' } });
    console_.state.ready = false;
    expect(await console_.call('/health')).toMatchObject({ status: 503, json: { status: 'NOT_SERVING' } });
    console_.state.ready = true;
  });
});
