import { defineConfig } from '@rookery/service-kit';

/** Variables of the monitor beside the core ones. */
export const monitorConfig = defineConfig(
  'ROOKERY_MONITOR_PORT',
  'ROOKERY_MONITOR_EVERY',
  'ROOKERY_MONITOR_INTERVAL_MS',
  'ROOKERY_MONITOR_WINDOW',
  'ROOKERY_DRIFT_SHARE',
);
