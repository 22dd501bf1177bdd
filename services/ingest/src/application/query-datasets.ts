import { TerminalError } from '@rookery/contracts';
import type {
  GetDatasetRequest,
  GetDatasetResponse,
  ListDatasetsRequest,
  ListDatasetsResponse,
} from '@rookery/proto/rookery/ingest/v1/ingest';

import { datasetToProto } from '../domain/dataset-record.js';
import type { Artifacts, Catalogue } from './ports.js';

const DEFAULT_LIMIT = 100;
const MAX_LIMIT = 1000;

/** Reads the catalogue. */
export interface QueryDatasets {
  /** One version or rejection by id, or a version by name (0: the latest), with its profile. RK_DATASET_NOT_FOUND. */
  get(request: GetDatasetRequest): Promise<GetDatasetResponse>;
  /** Versions and rejections, newest first; 100 unless another limit (at most 1000) is asked for. */
  list(request: ListDatasetsRequest): Promise<ListDatasetsResponse>;
}

/** Queries over a catalogue and the artifacts that it refers to. */
export function createQueryDatasets(catalogue: Catalogue, artifacts: Pick<Artifacts, 'get'>): QueryDatasets {
  return {
    async get({ datasetId, name, version }) {
      if (datasetId === '' && name === '') {
        throw new TerminalError('RK_REQUEST_INVALID', 'Neither dataset_id nor name is given', {
          details: { field: 'dataset_id' },
        });
      }
      const record =
        datasetId !== '' ? await catalogue.find(datasetId) : await catalogue.findVersion(name, version);
      if (record === null) {
        const what =
          datasetId !== ''
            ? `id ${datasetId}`
            : `name ${name}${version > 0 ? ` and version ${version}` : ''}`;
        throw new TerminalError('RK_DATASET_NOT_FOUND', `There is no data set with the ${what}`, {
          details: { dataset_id: datasetId, name, version: String(version) },
          hint: 'List the data sets.',
        });
      }
      const profile = record.state === 'ingested' ? await artifacts.get(record.profile.sha256) : undefined;
      return {
        dataset: datasetToProto(record),
        profileJson: profile === undefined ? '' : Buffer.from(profile).toString('utf8'),
      };
    },
    async list({ name, limit, offset }) {
      const records = await catalogue.list(
        name,
        Math.min(limit === 0 ? DEFAULT_LIMIT : limit, MAX_LIMIT),
        offset,
      );
      return { datasets: records.map(datasetToProto) };
    },
  };
}
