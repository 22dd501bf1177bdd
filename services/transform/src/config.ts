import { defineConfig } from '@rookery/service-kit';

/** Variables of the transform service beside the core ones. */
export const transformConfig = defineConfig('ROOKERY_TRANSFORM_PORT');
