import { RookeryError, TerminalError, requireKey } from '@rookery/contracts';
import type { Run } from '@rookery/proto/rookery/registry/v1/registry';
import type { Role } from '@rookery/service-kit';

import { datasetView, profileView } from '../domain/dataset-view.js';
import type { EventFeed } from '../domain/event-feed.js';
import { modelVersionView, modelView } from '../domain/model-view.js';
import { predictionView, reportView } from '../domain/monitor-view.js';
import { pluginView } from '../domain/plugin-view.js';
import type { ProgressBook } from '../domain/progress-book.js';
import { runDetailView, runSummaryView } from '../domain/run-view.js';
import { searchView } from '../domain/search-view.js';
import type { SearchView } from '../domain/search-view.js';
import type { ConsolePorts } from './ports.js';
import { systemView } from './system-view.js';

/** A request as a route sees it. */
export interface ApiRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** Parsed JSON body of a POST; undefined otherwise. */
  readonly body: unknown;
  /** Name of who has signed in; undefined where nobody is asked to. */
  readonly caller: string | undefined;
}

/** A route: its answer is sent as JSON; what it throws is answered as an error. */
export interface ApiRoute {
  readonly method: 'GET' | 'POST';
  /** Such as /api/v1/runs/:runId. */
  readonly path: string;
  /** Roles, one of which the caller needs where callers are asked who they are. Default: read. */
  readonly access?: readonly Role[];
  answer(request: ApiRequest): Promise<unknown>;
}

/** What the routes need. */
export interface ApiDependencies extends ConsolePorts {
  readonly feed: EventFeed;
  readonly book: ProgressBook;
  readonly jaegerUrl: string | undefined;
  readonly version: string;
}

/** Who a change is recorded as, that somebody asks for on a page, where nobody signs in. */
const anybody = 'console';

/** All routes of the JSON API. */
export function apiRoutes(deps: ApiDependencies): ApiRoute[] {
  const { data, book, feed } = deps;
  const get = (path: string, answer: ApiRoute['answer']): ApiRoute => ({
    method: 'GET',
    path: `/api/v1${path}`,
    answer,
  });
  const detail = async (run: Run): Promise<unknown> => ({
    ...runDetailView(run, (fold) => book.curve(run.runId, fold)),
    search: await searchOf(data, run),
  });
  const turn = (what: 'resume' | 'cancel'): ApiRoute => ({
    method: 'POST',
    path: `/api/v1/runs/:runId/${what}`,
    access: ['publish'],
    answer: async ({ params, body, caller }) => {
      const asked = {
        runId: keyOf(params, 'runId'),
        actor: caller ?? anybody,
        reason: reasonOfBody(body),
        onBehalfOf: caller,
      };
      return detail(await data.runControl[what](asked));
    },
  });
  return [
    get('/settings', async () => ({ jaegerUrl: deps.jaegerUrl ?? null, version: deps.version })),
    get('/runs', async ({ query }) => {
      const model = query.get('model') ?? '';
      const runs = await data.runs({
        model: model === '' ? '' : requireKey(model, 'model'),
        ...pageOf(query, 50, 200),
      });
      return { runs: runs.map((run) => ({ ...runSummaryView(run), live: book.share(run.runId) })) };
    }),
    get('/runs/:runId', async ({ params }) => detail(await data.run(keyOf(params, 'runId')))),
    turn('resume'),
    turn('cancel'),
    get('/models', async () => ({ models: (await data.models()).map(modelView) })),
    get('/models/:model', async ({ params }) => {
      const { model, versions } = await data.model(keyOf(params, 'model'));
      return { model: modelView(model), versions: versions.map(modelVersionView) };
    }),
    get('/models/:model/history', async ({ params, query }) => {
      const alias = requireKey(query.get('alias') ?? 'champion', 'alias');
      return { alias, changes: await data.aliasHistory(keyOf(params, 'model'), alias) };
    }),
    get('/datasets', async ({ query }) => {
      const name = query.get('name') ?? '';
      const datasets = await data.datasets({
        name: name === '' ? '' : requireKey(name, 'name'),
        ...pageOf(query, 100, 500),
      });
      return { datasets: datasets.map(datasetView) };
    }),
    get('/datasets/:name/:version', async ({ params }) => {
      const { dataset, profileJson } = await data.dataset(
        keyOf(params, 'name'),
        numberOf(params['version'] ?? '', 'version', 0),
      );
      return { dataset: datasetView(dataset), profile: profileView(profileJson) };
    }),
    get('/monitor', async () => ({ models: await data.monitored() })),
    get('/monitor/:model', async ({ params, query }) => {
      const model = keyOf(params, 'model');
      const [models, reports] = await Promise.all([
        data.monitored(model),
        data.reports(model, pageOf(query, 20, 100).limit),
      ]);
      return { models, reports: reports.map(reportView) };
    }),
    get('/monitor/:model/predictions', async ({ params, query }) => {
      const predictions = await data.predictions({
        model: keyOf(params, 'model'),
        limit: pageOf(query, 25, 200).limit,
      });
      return { predictions: predictions.map(predictionView) };
    }),
    {
      method: 'POST',
      path: '/api/v1/monitor/:model/report',
      access: ['publish'],
      answer: async ({ params, body }) => {
        const version = versionOfBody(body);
        return { report: reportView(await data.report({ model: keyOf(params, 'model'), version })) };
      },
    },
    get('/plugins', async () => ({ plugins: (await data.plugins()).map(pluginView) })),
    get('/system', () => systemView(deps)),
    get('/events', async () => ({ events: feed.all() })),
  ];
}

/**
 * The search of a run; null where it has none. A run that searches has no plan yet. The page is shown without it where the
 * transform service does not answer.
 */
async function searchOf(data: ConsolePorts['data'], run: Run): Promise<SearchView | null> {
  if (run.plan && run.plan.search === undefined) return null;
  try {
    return searchView(await data.search(run.runId));
  } catch (error) {
    if (error instanceof RookeryError) return null;
    throw error;
  }
}

function keyOf(params: Readonly<Record<string, string>>, name: string): string {
  return requireKey(params[name] ?? '', name);
}

function pageOf(query: URLSearchParams, limit: number, maxLimit: number): { limit: number; offset: number } {
  return {
    limit: Math.min(maxLimit, Math.max(1, numberOf(query.get('limit') ?? String(limit), 'limit', 1))),
    offset: numberOf(query.get('offset') ?? '0', 'offset', 0),
  };
}

function numberOf(text: string, field: string, least: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= least)) {
    throw new TerminalError(
      'RK_REQUEST_INVALID',
      `${field} is ${JSON.stringify(text)}, expected an integer of at least ${least}`,
      { details: { field } },
    );
  }
  return value;
}

/** The fields of a body that must be an object and may have this one alone. */
function fieldOfBody(body: unknown, field: string, example: string): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new TerminalError('RK_MESSAGE_WRONG_TYPE', 'The body is no JSON object', {
      hint: `Send {} or ${example}.`,
    });
  }
  const { [field]: value, ...others } = body as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new TerminalError(
      'RK_MESSAGE_UNKNOWN_FIELD',
      `The body has a field ${JSON.stringify(unknown)}; only ${field} is known`,
    );
  return value;
}

function reasonOfBody(body: unknown): string {
  const reason = fieldOfBody(body, 'reason', '{"reason": "wrong file"}') ?? '';
  if (typeof reason !== 'string' || reason.length > 500) {
    throw new TerminalError('RK_MESSAGE_WRONG_TYPE', 'reason is no text of at most 500 characters', {
      details: { field: 'reason' },
    });
  }
  return reason;
}

function versionOfBody(body: unknown): number {
  const version = fieldOfBody(body, 'version', '{"version": 3}') ?? 0;
  if (typeof version !== 'number' || !Number.isInteger(version) || version < 0) {
    throw new TerminalError('RK_MESSAGE_WRONG_TYPE', 'version is no whole number from 0', {
      details: { field: 'version' },
    });
  }
  return version;
}
