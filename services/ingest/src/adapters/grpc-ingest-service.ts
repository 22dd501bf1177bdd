import type { IngestServiceServer } from '@rookery/proto/rookery/ingest/v1/ingest';
import type {
  GetDatasetRequest,
  GetDatasetResponse,
  ListDatasetsRequest,
  ListDatasetsResponse,
  UploadDatasetRequest,
  UploadDatasetResponse,
} from '@rookery/proto/rookery/ingest/v1/ingest';
import { clientStream, unary } from '@rookery/service-kit';

import type { QueryDatasets } from '../application/query-datasets.js';

/** IngestService over its use cases; see ingest.proto. */
export function grpcIngestService(
  upload: (requests: AsyncIterable<UploadDatasetRequest>) => Promise<UploadDatasetResponse>,
  queries: QueryDatasets,
): IngestServiceServer {
  return {
    uploadDataset: clientStream<UploadDatasetRequest, UploadDatasetResponse>((requests) => upload(requests)),
    getDataset: unary<GetDatasetRequest, GetDatasetResponse>((request) => queries.get(request)),
    listDatasets: unary<ListDatasetsRequest, ListDatasetsResponse>((request) => queries.list(request)),
  };
}
