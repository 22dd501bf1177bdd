import { returnSession, takeSession } from './onnx-runtime.js';
import { foldPrefix, trainingGraph } from './training-graph.js';
import type { InferenceSession } from 'onnxruntime-node';
import type { OnnxSession } from './onnx-runtime.js';
import type { TrainingGraph, TrainingGraphSpec } from './training-graph.js';

type Values = Record<string, InferenceSession.OnnxValueMapType[string]>;

/** What a fit brings to be run with others. */
export interface FitOfMany {
  /** Names the graph of the fit alone. */
  key: string;
  spec: TrainingGraphSpec;
  threads: number;
  opened: OnnxSession<TrainingGraph>;
}

/** A fit among those that run together. */
export interface TogetherMember {
  /** As the fit's own session: waits until every other fit wants a run too, or has left. */
  run(feeds: Values): Promise<InferenceSession.ReturnType>;
  leave(): Promise<void>;
}

interface Waiting {
  fit: FitOfMany;
  feeds: Values;
  resolve: (results: InferenceSession.ReturnType) => void;
  reject: (error: unknown) => void;
}

/**
 * Runs the steps of several fits of one thread in one graph. The fits go on by themselves (each has its own order of rows, validation and
 * early stopping) and meet at each run; those of equal graphs and numbers of steps share it, the others run alone. Since a fold's operators are the same
 * in both, its weights are those of the fit alone, to the bit, whichever way its runs went.
 */
export class FitsTogether {
  /** Fits that have not joined yet, or not left. */
  #expected: number;
  #waiting: Waiting[] = [];
  readonly #sessions = new Map<string, OnnxSession>();

  constructor(fits: number) {
    this.#expected = fits;
  }

  join(fit: FitOfMany): TogetherMember {
    let there = true;
    return {
      run: (feeds) =>
        new Promise((resolve, reject) => {
          this.#waiting.push({ fit, feeds, resolve, reject });
          this.#runIfAllWait();
        }),
      leave: async () => {
        if (there) this.absent();
        there = false;
        if (this.#expected > 0) return;
        const sessions = [...this.#sessions.values()];
        this.#sessions.clear();
        await Promise.all(sessions.map(returnSession));
      },
    };
  }

  /** One fit fewer to wait for: it ended, or never began. */
  absent(): void {
    this.#expected -= 1;
    this.#runIfAllWait();
  }

  #runIfAllWait(): void {
    if (this.#waiting.length < this.#expected || this.#waiting.length === 0) return;
    const groups = new Map<string, Waiting[]>();
    for (const one of this.#waiting) {
      const key = `${one.feeds['indices']!.dims[0]} steps of ${one.fit.key}`;
      groups.set(key, [...(groups.get(key) ?? []), one]);
    }
    this.#waiting = [];
    for (const group of groups.values()) {
      this.#runGroup(group).catch((error: unknown) => {
        for (const { reject } of group) reject(error);
      });
    }
  }

  async #runGroup(group: Waiting[]): Promise<void> {
    const [first] = group;
    const folds = group.length;
    if (first === undefined) return;
    if (folds === 1) {
      first.resolve(await first.fit.opened.session.run(first.feeds));
      return;
    }
    const key = `${folds} folds of ${first.fit.key}`;
    let shared = this.#sessions.get(key);
    if (shared === undefined) {
      const { spec, threads } = first.fit;
      shared = await takeSession(key, () => trainingGraph({ ...spec, folds }), threads);
      this.#sessions.set(key, shared);
    }
    const feeds: Values = {};
    for (const [fold, one] of group.entries())
      for (const [name, value] of Object.entries(one.feeds))
        feeds[`${foldPrefix(folds, fold)}${name}`] = value;
    const results = await shared.session.run(feeds);
    for (const [fold, one] of group.entries()) {
      const prefix = foldPrefix(folds, fold);
      const own = Object.entries(results).flatMap(([name, value]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
      );
      one.resolve(Object.fromEntries(own));
    }
  }
}
