import { defineConfig } from '@rookery/service-kit';

/** Variables of the trainer beside the core ones. */
export const trainerConfig = defineConfig(
  'ROOKERY_TRAINER_PORT',
  'ROOKERY_TRAINER_WORKERS',
  'ROOKERY_TF_BACKEND',
  'ROOKERY_ENGINE',
  'ROOKERY_ONNX_PROVIDERS',
  'ROOKERY_ONNX_THREADS',
  'ROOKERY_JOB_DEADLINE_MS',
  'ROOKERY_JOB_ACK_WAIT_MS',
  'ROOKERY_PLUGINS',
  'ROOKERY_PLUGIN_ROOT',
  'ROOKERY_PLUGIN_MEMORY_MB',
  'ROOKERY_PLUGIN_FIT_MS',
  'ROOKERY_PLUGIN_CALL_MS',
);
