import type { RookeryClient } from '@rookery/client';
import type { HealthReport } from '@rookery/service-kit/client';

/** What the console asks the other services: a part of the client, so that tests can stand in for it. */
export type SystemData = Pick<
  RookeryClient,
  | 'runs'
  | 'run'
  | 'search'
  | 'models'
  | 'model'
  | 'aliasHistory'
  | 'datasets'
  | 'dataset'
  | 'monitored'
  | 'reports'
  | 'report'
  | 'predictions'
  | 'served'
  | 'plugins'
> & {
  readonly runControl: Pick<RookeryClient['runControl'], 'resume' | 'cancel'>;
};

/** A service whose health is shown. */
export interface WatchedService {
  readonly name: string;
  readonly address: string;
}

/** Everything the routes need. */
export interface ConsolePorts {
  readonly data: SystemData;
  readonly services: readonly WatchedService[];
  /** Never rejects; see checkHealth of the service kit. */
  health(address: string): Promise<HealthReport>;
  /** Whether the event bus is connected. */
  busConnected(): boolean;
}
