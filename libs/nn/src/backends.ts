import type { ModelSize } from './model-spec.js';

/** What ROOKERY_TF_BACKEND may ask for. */
export const backendRequests = ['auto', 'gpu', 'node', 'wasm', 'cpu'] as const;
export type BackendRequest = (typeof backendRequests)[number];
export type BackendName = Exclude<BackendRequest, 'auto'>;

export interface ResolvedBackend {
  backend: BackendName;
  /** One sentence for the log and for the run. */
  reason: string;
  /** What was tried before and why it was passed over, one sentence each. */
  fallbacks: string[];
}

export async function resolveBackend(_requested: BackendRequest, _modelSize?: ModelSize): Promise<ResolvedBackend> {
  throw new Error('being written');
}
export async function useBackend(_name: BackendName): Promise<void> {
  throw new Error('being written');
}
