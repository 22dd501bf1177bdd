import { createHash } from 'node:crypto';

import { TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';

/** sha256 of the weights of a stored model, alone: not of what describes it. */
export function weightsSha256(model: Uint8Array): string {
  return createHash('sha256').update(TrainedModel.decode(model).weights).digest('hex');
}
