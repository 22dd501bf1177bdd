import { tmpdir } from 'node:os';

import { defineConfig } from '@rookery/service-kit';
import type { Config } from '@rookery/service-kit';

import type { FilePolicy } from './adapters/file-source.js';
import type { HttpOptions } from './adapters/http-source.js';
import type { DatasetLimits } from './application/read-source.js';
import { networksOf } from './domain/network-address.js';

/** Variables that ingest reads beside the core ones. */
export const config = defineConfig(
  'ROOKERY_INGEST_PORT',
  'ROOKERY_FILE_ROOTS',
  'ROOKERY_FETCH_HOSTS',
  'ROOKERY_FETCH_NETWORKS',
  'ROOKERY_FETCH_REDIRECTS',
  'ROOKERY_FETCH_IDLE_MS',
  'ROOKERY_FETCH_TOTAL_MS',
  'ROOKERY_MAX_DATASET_BYTES',
  'ROOKERY_MAX_COLUMNS',
  'ROOKERY_MAX_ROWS',
  'ROOKERY_MAX_CELLS',
  'ROOKERY_MAX_ROW_BYTES',
  'ROOKERY_MAX_CELL_BYTES',
  'ROOKERY_MAX_UNPACK_RATIO',
);

/** Values of {@link config}. */
export type IngestConfig = Config<(typeof config)[number]>;

/** What {@link filePolicyOf}, {@link httpOptionsOf} and {@link limitsOf} read. */
export type SourceConfig = Pick<
  IngestConfig,
  Exclude<(typeof config)[number], 'ROOKERY_INGEST_PORT'> | 'ROOKERY_HOST' | 'ROOKERY_DATA_DIR'
>;

const loopback = ['127.0.0.0/8', '::1/128'];

/**
 * Files that may be read: those below ROOKERY_FILE_ROOTS. Where it is not set, none unless the service listens on a
 * loopback address; then those below the working directory (unless that is the root of the file system) and the folder for
 * temporary files, without hidden ones and without Rookery's own data.
 */
export function filePolicyOf(
  values: Pick<SourceConfig, 'ROOKERY_FILE_ROOTS' | 'ROOKERY_HOST' | 'ROOKERY_DATA_DIR'>,
  workingDirectory = process.cwd(),
): FilePolicy {
  const closed = values.ROOKERY_DATA_DIR;
  if (values.ROOKERY_FILE_ROOTS !== undefined)
    return { roots: values.ROOKERY_FILE_ROOTS, hidden: true, closed };
  if (!isLoopback(values.ROOKERY_HOST)) return { roots: [], hidden: false, closed };
  return { roots: [workingDirectory, tmpdir()].filter((folder) => folder !== '/'), hidden: false, closed };
}

/** How http(s) sources are opened; addresses of this machine only while the service listens there alone. */
export function httpOptionsOf(values: SourceConfig): HttpOptions {
  const networks = values.ROOKERY_FETCH_NETWORKS ?? (isLoopback(values.ROOKERY_HOST) ? loopback : []);
  return {
    limits: {
      idleMs: values.ROOKERY_FETCH_IDLE_MS,
      totalMs: values.ROOKERY_FETCH_TOTAL_MS,
      redirects: values.ROOKERY_FETCH_REDIRECTS,
      maxUnpackRatio: values.ROOKERY_MAX_UNPACK_RATIO,
    },
    policy: { hosts: values.ROOKERY_FETCH_HOSTS, networks: networksOf(networks) },
  };
}

/** Limits of what is taken in. */
export function limitsOf(values: SourceConfig): DatasetLimits {
  return {
    maxBytes: values.ROOKERY_MAX_DATASET_BYTES,
    maxColumns: values.ROOKERY_MAX_COLUMNS,
    maxRows: values.ROOKERY_MAX_ROWS,
    maxCells: values.ROOKERY_MAX_CELLS,
    maxRowBytes: values.ROOKERY_MAX_ROW_BYTES,
    maxCellBytes: values.ROOKERY_MAX_CELL_BYTES,
    maxUnpackRatio: values.ROOKERY_MAX_UNPACK_RATIO,
  };
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
