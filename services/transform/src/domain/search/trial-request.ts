import type { DatasetReady } from '@rookery/proto/rookery/events/v1/dataset';

import { refuseSearch } from './search-fault.js';
import type { Point, SearchSpace } from './search-space.js';

type Container = Record<string, unknown> | unknown[];

/**
 * The request of a trial: the search's own with the point's values in their places, and without its search. Objects on the
 * way are made where they are missing; a list must be there and have the item. Throws RK_SEARCH_INVALID naming the setting whose
 * place does not exist. `epochs` overrides whatever the request says.
 */
export function trialRequest(
  request: DatasetReady,
  space: SearchSpace,
  point: Point,
  epochs?: number,
): DatasetReady {
  const trial = structuredClone(request);
  trial.search = undefined;
  const root = trial as unknown as Record<string, unknown>;
  space.forEach(({ name, path }, index) => {
    let at: Container = root;
    path.forEach((part, depth) => {
      if (
        Array.isArray(at) !== (typeof part === 'number') ||
        (Array.isArray(at) && (part as number) >= at.length)
      ) {
        refuseSearch(
          `space.${name}`,
          `has no place in the request: there is no ${path.slice(0, depth + 1).join('.')}`,
        );
      }
      const container = at as Record<string | number, unknown>;
      if (depth === path.length - 1) {
        container[part] = structuredClone(point[index]);
        return;
      }
      const next = container[part] ?? (container[part] = {});
      if (typeof next !== 'object')
        refuseSearch(`space.${name}`, `has no place in the request: ${String(part)} is no object`);
      at = next as Container;
    });
  });
  if (epochs !== undefined) {
    trial.epochs = epochs;
    if (trial.modelSpec !== undefined) delete trial.modelSpec['epochs'];
  }
  return trial;
}
