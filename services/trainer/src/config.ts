import { defineConfig } from '@rookery/service-kit';

/** Variables of the trainer beside the core ones. */
export const trainerConfig = defineConfig(
  'ROOKERY_TRAINER_PORT',
  'ROOKERY_TRAINER_WORKERS',
  'ROOKERY_TF_BACKEND',
  'ROOKERY_ENGINE',
  'ROOKERY_ONNX_PROVIDERS',
  'ROOKERY_JOB_DEADLINE_MS',
  'ROOKERY_JOB_ACK_WAIT_MS',
);
