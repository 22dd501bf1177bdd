import { defineConfig } from '@rookery/service-kit';

/** Variables of the evaluator beside the core ones. */
export const evaluatorConfig = defineConfig('ROOKERY_EVALUATOR_PORT');
