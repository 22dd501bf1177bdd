import { defineConfig } from '@rookery/service-kit';

/** Variables of the evaluator beside the core ones. */
export const evaluatorConfig = defineConfig(
  'ROOKERY_EVALUATOR_PORT',
  'ROOKERY_PLUGINS',
  'ROOKERY_PLUGIN_ROOT',
  'ROOKERY_PLUGIN_MEMORY_MB',
  'ROOKERY_PLUGIN_FIT_MS',
  'ROOKERY_PLUGIN_CALL_MS',
);
