import { defineConfig } from '@rookery/service-kit';

/** Variables of the transform service beside the core ones. */
export const transformConfig = defineConfig(
  'ROOKERY_TRANSFORM_PORT',
  'ROOKERY_PLUGINS',
  'ROOKERY_PLUGIN_ROOT',
  'ROOKERY_PLUGIN_MEMORY_MB',
  'ROOKERY_PLUGIN_FIT_MS',
  'ROOKERY_PLUGIN_CALL_MS',
);
