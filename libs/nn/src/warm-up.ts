import type { BackendName } from './backends.js';

export async function warmUp(_backend: BackendName): Promise<void> {
  throw new Error('being written');
}
