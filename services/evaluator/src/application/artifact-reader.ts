import type { FoldBundle, TrainedModel } from '@rookery/proto/rookery/artifacts/v1/artifacts';
import type { Table } from '@rookery/tabular';

/** Artifacts, decoded. Each call throws what the artifact store throws. */
export interface ArtifactReader {
  table(sha256: string): Promise<Table>;
  bundle(sha256: string): Promise<FoldBundle>;
  trained(sha256: string): Promise<TrainedModel>;
  /** Held-out outputs of a fold, row-major. */
  outputs(sha256: string): Promise<Float32Array>;
}
