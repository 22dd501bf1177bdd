import { defineConfig } from '@rookery/service-kit';

/** Variables that the inference service reads beside those of every service. */
export const config = defineConfig(
  'ROOKERY_INFERENCE_GRPC_PORT',
  'ROOKERY_TF_BACKEND',
  'ROOKERY_PLUGINS',
  'ROOKERY_PLUGIN_ROOT',
  'ROOKERY_PLUGIN_MEMORY_MB',
  'ROOKERY_PLUGIN_FIT_MS',
  'ROOKERY_PLUGIN_CALL_MS',
  'ROOKERY_MAX_PREDICT_ROWS',
  'ROOKERY_QUEUE_LIMIT',
  'ROOKERY_QUEUE_ROWS',
  'ROOKERY_CAPTURE_BUFFER',
  'ROOKERY_CAPTURE_BUFFER_BYTES',
  'ROOKERY_CAPTURE_FLUSH_MS',
);
