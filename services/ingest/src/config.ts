import { defineConfig } from '@rookery/service-kit';
import type { Config } from '@rookery/service-kit';

/** Variables that ingest reads beside the core ones. */
export const config = defineConfig(
  'ROOKERY_INGEST_PORT',
  'ROOKERY_FILE_ROOTS',
  'ROOKERY_MAX_DATASET_BYTES',
  'ROOKERY_MAX_COLUMNS',
);

/** Values of {@link config}. */
export type IngestConfig = Config<(typeof config)[number]>;

/**
 * Folders that file:// may read: ROOKERY_FILE_ROOTS; where it is not set, any (undefined) while the service listens
 * on a loopback address, none otherwise.
 */
export function fileRootsOf(
  values: Pick<IngestConfig, 'ROOKERY_FILE_ROOTS' | 'ROOKERY_HOST'>,
): readonly string[] | undefined {
  if (values.ROOKERY_FILE_ROOTS !== undefined) return values.ROOKERY_FILE_ROOTS;
  const host = values.ROOKERY_HOST;
  const loopback = host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
  return loopback ? undefined : [];
}
