import { RetryableError, TerminalError } from '@rookery/contracts';

import { createModelHandle } from './model-handle.js';
import type { ModelHandle } from './model-handle.js';

/** What every servable version tells about itself. */
export interface ServableModel {
  readonly name: string;
  readonly version: number;
  /** Grows with every move of the alias; decides which version is newer. */
  readonly aliasRevision: number;
}

/** The current version of each model: one pointer a model. */
export interface ServedModels<M extends ServableModel> {
  /**
   * The current version of the model, held: the caller must release it. An empty name means the only model.
   * Throws RK_MODEL_NOT_READY (nothing served yet), RK_MODEL_NOT_FOUND, RK_MODEL_AMBIGUOUS.
   */
  acquire(name: string): ModelHandle<M>;
  /**
   * Makes a loaded version the current one in one step and retires the one before, which is disposed when its last
   * call has ended. False (and the candidate is disposed) where a version of the same or a higher revision serves.
   */
  swap(candidate: M): boolean;
  current(name: string): M | undefined;
  /** Current versions, by name. */
  list(): M[];
  /** A model that is known but not loaded yet: asked for by name, it is not ready rather than not found. */
  expect(name: string): void;
  /** Retires all versions. */
  close(): void;
}

/** An empty set of served models; `dispose` is called once for each version that was handed to `swap`. */
export function createServedModels<M extends ServableModel>(dispose: (model: M) => void): ServedModels<M> {
  const handles = new Map<string, ModelHandle<M>>();
  const expected = new Set<string>();
  /** Set while exactly one model is served: the usual case costs no look-up. */
  let only: ModelHandle<M> | undefined;

  const refresh = (): void => {
    const [first] = handles.values();
    only = handles.size === 1 ? first : undefined;
  };

  return {
    acquire(name) {
      const handle = name === '' || only?.model.name === name ? only : handles.get(name);
      if (handle !== undefined && handle.acquire()) return handle;
      throw whyNotServed(name, [...handles.keys()], expected);
    },
    swap(candidate) {
      const before = handles.get(candidate.name);
      if (before !== undefined && before.model.aliasRevision >= candidate.aliasRevision) {
        dispose(candidate);
        return false;
      }
      handles.set(candidate.name, createModelHandle(candidate, dispose));
      refresh();
      before?.retire();
      return true;
    },
    current: (name) => handles.get(name)?.model,
    list: () =>
      [...handles.values()].map((handle) => handle.model).sort((a, b) => (a.name < b.name ? -1 : 1)),
    expect: (name) => void expected.add(name),
    close() {
      for (const handle of handles.values()) handle.retire();
      handles.clear();
      refresh();
    },
  };
}

function whyNotServed(name: string, served: string[], expected: ReadonlySet<string>): Error {
  const list = served.sort().join(', ');
  if (served.length === 0) {
    return new RetryableError('RK_MODEL_NOT_READY', 'No model is served by this replica yet.', {
      details: name === '' ? {} : { model: name },
    });
  }
  if (name === '') {
    return new TerminalError(
      'RK_MODEL_AMBIGUOUS',
      `The request names no model and ${served.length} are served: ${list}.`,
      {
        details: { models: list },
      },
    );
  }
  if (expected.has(name)) {
    return new RetryableError('RK_MODEL_NOT_READY', `The model ${JSON.stringify(name)} is not loaded yet.`, {
      details: { model: name },
    });
  }
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  return new TerminalError(
    'RK_MODEL_NOT_FOUND',
    `No model ${JSON.stringify(shown)} is served; served are: ${list}.`,
    {
      details: { model: shown, models: list },
    },
  );
}
