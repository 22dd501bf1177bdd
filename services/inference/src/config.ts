import { defineConfig } from '@rookery/service-kit';

/** Variables that the inference service reads beside those of every service. */
export const config = defineConfig(
  'ROOKERY_INFERENCE_GRPC_PORT',
  'ROOKERY_TF_BACKEND',
  'ROOKERY_MAX_PREDICT_ROWS',
  'ROOKERY_QUEUE_LIMIT',
  'ROOKERY_QUEUE_ROWS',
  'ROOKERY_CAPTURE_BUFFER',
  'ROOKERY_CAPTURE_BUFFER_BYTES',
  'ROOKERY_CAPTURE_FLUSH_MS',
);
