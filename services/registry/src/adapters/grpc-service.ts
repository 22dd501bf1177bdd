import { TerminalError } from '@rookery/contracts';
import type { RegistryServiceServer } from '@rookery/proto/rookery/registry/v1/registry';
import { serverStream, unary } from '@rookery/service-kit';
import type { Identity } from '@rookery/service-kit';

import { cancelRun } from '../application/cancel-run.js';
import { rollBack, setAlias } from '../application/move-alias.js';
import type { Registry } from '../application/ports.js';
import {
  movesOf,
  requireAlias,
  requireModel,
  requireVersion,
  versionsOf,
} from '../application/read-models.js';
import { getRun, listRuns, pageSize } from '../application/read-runs.js';
import { getReproduction, listReproductions, reproduceRun } from '../application/reproduce-run.js';
import { resumeRun } from '../application/resume-run.js';
import { watchRun } from '../application/watch-run.js';
import { championAlias } from '../domain/model-document.js';
import { aliasView, changeView, modelView, versionView } from '../domain/model-view.js';

/** The registry's API; `stopping` aborts when the service begins to stop, which ends the watches. */
export function createGrpcService(registry: Registry, stopping: AbortSignal): RegistryServiceServer {
  return {
    listRuns: unary((request) => listRuns(registry, request)),
    getRun: unary(async ({ runId }) => ({ run: await getRun(registry, runId) })),
    watchRun: serverStream(async function* ({ runId }, context) {
      for await (const run of watchRun(registry, runId, { caller: context.signal, service: stopping })) {
        yield { run };
      }
    }),
    listModels: unary(async ({ limit, offset }) => {
      const page = { sort: { _id: 1 as const }, limit: pageSize(limit), skip: offset };
      return { models: (await registry.collections.models.find({}, page)).map(modelView) };
    }),
    getModel: unary(async ({ name, versionsLimit: limit, versionsOffset: offset }) => {
      const model = await requireModel(registry, name);
      const versions = await versionsOf(registry, model, { limit, offset });
      return { model: modelView(model), versions: versions.map((version) => versionView(version, model)) };
    }),
    getModelVersion: unary(async ({ model: name, selector }) => {
      if (!selector) throw missing('version or alias');
      const model = await requireModel(registry, name);
      const number = selector.$case === 'version' ? selector.value : requireAlias(model, selector.value);
      return { version: versionView(await requireVersion(registry, model, number), model) };
    }),
    setAlias: unary(async (request, { caller }) => {
      if (request.version === 0) throw missing('version');
      return { alias: aliasView(await setAlias(registry, signed(request, caller))) };
    }),
    rollBack: unary(async (request, { caller }) => {
      const { alias, previousVersion } = await rollBack(registry, signed(request, caller));
      return { alias: aliasView(alias), previousVersion };
    }),
    listAliasHistory: unary(async ({ model: name, alias, limit, offset }) => {
      const model = await requireModel(registry, name);
      const wanted = alias || championAlias;
      requireAlias(model, wanted);
      const { changes, total } = await movesOf(registry, model, wanted, { limit, offset });
      return { changes: changes.map(changeView), total };
    }),
    resumeRun: unary(async (request, { caller }) => ({
      run: await resumeRun(registry, signed(request, caller)),
    })),
    cancelRun: unary(async (request, { caller }) => ({
      run: await cancelRun(registry, signed(request, caller)),
    })),
    reproduceRun: unary(async (request, { caller }) => ({
      reproduction: await reproduceRun(registry, signed(request, caller)),
    })),
    getReproduction: unary(async ({ reproductionId }) => ({
      reproduction: await getReproduction(registry, reproductionId),
    })),
    listReproductions: unary(async (request) => ({
      reproductions: await listReproductions(registry, request),
    })),
  };
}

/** Where callers show who they are, the history names whom they showed, whatever they say. */
function signed<R extends { actor: string }>(request: R, caller: Identity | undefined): R {
  return caller === undefined ? request : { ...request, actor: caller.name };
}

function missing(field: string): TerminalError {
  return new TerminalError('RK_REQUEST_INVALID', `the request needs ${field}`, { details: { field } });
}
