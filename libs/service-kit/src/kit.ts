import type { Meter, Tracer } from '@opentelemetry/api';
import type { ArtifactStore } from '@rookery/artifacts';
import type { Bus, Outbox } from '@rookery/bus';
import type { Store } from '@rookery/store';
import type { Logger } from '@rookery/telemetry';
import type { Config, ConfigKey } from './config/load-config.js';
import type { GrpcServer } from './grpc/server.js';
import type { Health } from './grpc/health.js';
import type { Security } from './security/security.js';

/** Anything that can be asked to stop: a consumption of the bus, a timer of the service, an HTTP server. */
export interface Stoppable {
  /** Ends within `graceMs`, where it has work in flight. */
  stop(graceMs?: number): Promise<void> | void;
}

/**
 * When a stop function runs. `intake`: first, together with the consumptions (close an HTTP listener, stop a timer).
 * `drained` (default): when no event and no call is in flight any more, while bus, store and artifacts are still open
 * (write out a buffer, end worker threads).
 */
export type StopPhase = 'intake' | 'drained';

/** Given `signal`, which aborts when the time to stop is over. */
export type StopFunction = (signal: AbortSignal) => Promise<void> | void;

/** Options of {@link Kit.onStop}. */
export interface StopOptions {
  phase?: StopPhase;
  /** Name in the log, if the function fails or is slow. */
  name?: string;
}

/** What a service's `start` may return: more things to stop. */
export interface ServiceHandle {
  /** Consumptions that were not made through `kit.bus` (those are known already). Stopped first. */
  consumptions?: readonly Stoppable[];
  /** Same as `kit.onStop(stop)`. */
  stop?: StopFunction;
}

/**
 * What `runService` hands to a service. `bus`, `store`, `artifacts` and `grpc` exist unless the service's definition
 * says `uses: { …: false }`; reading one that was switched off throws, naming it.
 */
export interface Kit<K extends ConfigKey = ConfigKey> {
  readonly name: string;
  readonly version: string;
  readonly config: Config<K>;
  readonly logger: Logger;
  /** Connected, topology ensured. Consumptions made through it are stopped by the kit. */
  readonly bus: Bus;
  /** The service's own database (named as the service). */
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly outbox: Outbox;
  /** Not listening yet while `start` runs: it listens when `start` has resolved. */
  readonly grpc: GrpcServer;
  readonly health: Health;
  /** Who may call, and how others are called. */
  readonly security: Security;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  readonly tracer: Tracer;
  /** A no-op where no metrics are exported. */
  readonly metrics: Meter;
  /** Aborts when the service begins to stop. */
  readonly signal: AbortSignal;
  /** Registers a function to run while stopping; the last one registered in a phase runs first. */
  readonly onStop: (fn: StopFunction, options?: StopOptions) => void;
  /** Logs, and stops the service in order, with this exit code (default 0). */
  readonly stop: (reason: string, exitCode?: number) => void;
}
