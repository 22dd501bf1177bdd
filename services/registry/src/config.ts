import { defineConfig } from '@rookery/service-kit';

/** Variables of the registry; those that every service has, and its port, are always read. */
export const config = defineConfig('ROOKERY_REGISTRY_PORT', 'ROOKERY_RUN_STALL_MS');
