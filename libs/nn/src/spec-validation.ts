import type { ModelSpec, Task } from './model-spec.js';

export interface SpecContext {
  task: Task;
  /** Features after the transformer. */
  inputs: number;
  /** Classes, or the number of target columns. */
  outputs: number;
}

export function validateSpec(_value: unknown, _context: SpecContext): ModelSpec {
  throw new Error('being written');
}
