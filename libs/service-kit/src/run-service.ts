import { metrics, trace } from '@opentelemetry/api';
import { RetryableError } from '@rookery/contracts';
import { createLogger, protectSecrets, startTelemetry } from '@rookery/telemetry';
import type { Logger, Telemetry } from '@rookery/telemetry';
import { loadConfig } from './config/load-config.js';
import type { Config, ConfigKey, CoreConfig } from './config/load-config.js';
import { secretsOf } from './config/secrets.js';
import { portVariableOf } from './config/port-variable.js';
import { createGrpcServer } from './grpc/server.js';
import type { GrpcServer } from './grpc/server.js';
import type { Kit, ServiceHandle } from './kit.js';
import { exitCodes, ServiceExitError } from './lifecycle/exit-codes.js';
import { openSecurity } from './security/security.js';
import type { Security } from './security/security.js';
import { openResources } from './lifecycle/open-resources.js';
import type { ResourceNeeds, Resources } from './lifecycle/open-resources.js';
import { watchProcess } from './lifecycle/process-end.js';
import { StopList } from './lifecycle/stop-list.js';
import { runStopSteps } from './lifecycle/stop-sequence.js';
import type { StopStep } from './lifecycle/stop-sequence.js';
import { trackConsumptions } from './lifecycle/track-consumptions.js';

/** What a service does not use can be switched off; everything is on by default. */
export interface ServiceUses extends Partial<ResourceNeeds> {
  grpc?: boolean;
}

/** A service, as its `main.ts` describes it. */
export interface ServiceDefinition<K extends readonly ConfigKey[]> {
  /** `ingest`, `transform`, …: name in logs, traces and events, and of its database. */
  name: string;
  /** Default `0.1.0`. */
  version?: string;
  /** Variables it reads beside the core ones; made with `defineConfig`. */
  config: K;
  uses?: ServiceUses;
  /** Variable with the gRPC port. Default: ROOKERY_<NAME>_GRPC_PORT or ROOKERY_<NAME>_PORT. */
  port?: ConfigKey;
  /** Composes the service: adds gRPC services, begins to consume. The service is ready when it has resolved. */
  start(kit: Kit<K[number]>): Promise<ServiceHandle | void> | ServiceHandle | void;
}

/**
 * Runs a service until it is told to stop, then ends the process. It refuses a bad configuration (exit code 78), waits
 * for NATS and the store (69 if they stay away), calls `start`, listens, and only then says SERVING. It stops on SIGTERM,
 * SIGINT, the death of its parent and an unforeseen error (70), in this order: NOT_SERVING → consumptions stop pulling
 * and wait for events in flight, the rest goes back (each handler has flushed its outbox; what is left there is sent by
 * the next start's recovery) → gRPC calls in flight end → functions of `onStop` → store → bus → telemetry; all within
 * ROOKERY_STOP_TIMEOUT_MS. Resolves only in tests that replace `process.exit`.
 */
export async function runService<const K extends readonly ConfigKey[]>(
  definition: ServiceDefinition<K>,
): Promise<void> {
  const portVariable = definition.port ?? portVariableOf(definition.name);
  const usesGrpc = definition.uses?.grpc !== false && portVariable !== undefined;
  let config: Config<ConfigKey>;
  try {
    config = loadConfig(
      usesGrpc ? [...definition.config, portVariable] : definition.config,
    ) as Config<ConfigKey>;
  } catch (error) {
    createLogger({ name: definition.name }).fatal(
      { problems: (error as { problems?: unknown }).problems },
      (error as Error).message,
    );
    process.exit(exitCodes.config);
  }
  protectSecrets(secretsOf(process.env));
  const logger = createLogger({
    name: definition.name,
    level: config.ROOKERY_LOG_LEVEL,
    pretty: config.ROOKERY_LOG_PRETTY,
  });
  const version = definition.version ?? '0.1.0';
  const telemetry = startTelemetry({ serviceName: definition.name, serviceVersion: version, logger });
  // A service without gRPC that has a port variable all the same listens for HTTP.
  const listens = portVariable !== undefined;
  await new ServiceRun(
    { ...definition, version, usesGrpc, listens, portVariable },
    config,
    logger,
    telemetry,
  ).run();
}

type Definition = Omit<ServiceDefinition<readonly ConfigKey[]>, 'start'> & {
  version: string;
  usesGrpc: boolean;
  /** Whether it has a port, for gRPC or anything else. */
  listens: boolean;
  portVariable: ConfigKey | undefined;
  // The keys of the service are known to its own `start` only.
  start(kit: never): Promise<ServiceHandle | void> | ServiceHandle | void;
};

/** One service from its start to its end. */
class ServiceRun {
  readonly #definition: Definition;
  readonly #config: Config<ConfigKey>;
  readonly #logger: Logger;
  readonly #telemetry: Telemetry;
  readonly #resources: Resources = {};
  readonly #stops = new StopList();
  readonly #stopping = new AbortController();
  #security: Security | undefined;
  #grpc: GrpcServer | undefined;
  #end: Promise<void> | undefined;

  constructor(definition: Definition, config: Config<ConfigKey>, logger: Logger, telemetry: Telemetry) {
    this.#definition = definition;
    this.#config = config;
    this.#logger = logger;
    this.#telemetry = telemetry;
  }

  async run(): Promise<void> {
    watchProcess({
      logger: this.#logger,
      stopOnParentExit: this.#config.ROOKERY_STOP_ON_PARENT_EXIT,
      stop: (reason, exitCode) => this.#stop(reason, exitCode),
    });
    try {
      await this.#start();
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      const exit = error instanceof ServiceExitError ? error : undefined;
      this.#logger.fatal(
        exit === undefined ? { err: error } : {},
        `the service cannot start: ${error instanceof Error ? error.message : String(error)}`,
      );
      // What the error table calls passing was away: a supervisor starts it again, and nothing is wrong with the program.
      const passing = error instanceof RetryableError ? exitCodes.unavailable : exitCodes.software;
      this.#stop('start failed', exit?.exitCode ?? passing);
    }
    await this.#end;
  }

  async #start(): Promise<void> {
    const { name, uses } = this.#definition;
    const core: CoreConfig = this.#config;
    // Before anything is opened: what may not be exposed must not even begin to be.
    const security = openSecurity(core, this.#logger, this.#definition.listens);
    this.#security = security;
    const needs = {
      bus: uses?.bus !== false,
      store: uses?.store !== false,
      artifacts: uses?.artifacts !== false,
    };
    await Promise.all([
      openResources(name, needs, core, this.#logger, this.#resources, this.#stopping.signal),
      this.#telemetry.ready,
    ]);
    if (this.#stopping.signal.aborted) return;
    // Only now: an instrument made before the exporters are there would be a no-op for ever.
    if (this.#definition.usesGrpc) this.#grpc = this.#createGrpc(core, security);
    const handle = await this.#definition.start(this.#kit() as never);
    this.#stops.addConsumptions(handle?.consumptions ?? []);
    if (handle?.stop !== undefined) this.#stops.add(handle.stop, { name: 'service' });
    if (this.#stopping.signal.aborted) return;
    const portVariable = this.#definition.portVariable;
    if (this.#grpc !== undefined && portVariable !== undefined) {
      await this.#grpc.listen(this.#config[portVariable] as number);
      this.#grpc.health.setReady(true);
    }
    this.#logger.info(
      {
        ...(this.#grpc === undefined ? {} : { grpc: `${core.ROOKERY_HOST}:${this.#grpc.port}` }),
        start_ms: Math.round(performance.now()),
        mode: core.ROOKERY_MODE,
        store: this.#resources.store?.kind,
        version: this.#definition.version,
      },
      'ready',
    );
    // A launcher that forked this process learns the port here, also where it is a free one.
    process.send?.({ type: 'ready', name, port: this.#grpc?.port }, undefined, undefined, () => {
      // It may be gone already: then 'disconnect' stops this service.
    });
  }

  #createGrpc(core: CoreConfig, { grpcCredentials, authoriser }: Security): GrpcServer {
    return createGrpcServer({
      logger: this.#logger,
      host: core.ROOKERY_HOST,
      maxReceiveBytes: core.ROOKERY_GRPC_MAX_RECEIVE_BYTES,
      maxStreams: core.ROOKERY_GRPC_MAX_STREAMS,
      reflection: core.ROOKERY_REFLECTION,
      ...(grpcCredentials === undefined ? {} : { credentials: grpcCredentials }),
      ...(authoriser === undefined ? {} : { authoriser }),
      ...(this.#telemetry.exportsTraces ? { tracer: trace.getTracer('@rookery/service-kit') } : {}),
      ...(this.#telemetry.exportsMetrics ? { meter: metrics.getMeter('@rookery/service-kit') } : {}),
    });
  }

  #kit(): Kit<ConfigKey> {
    const { name, version } = this.#definition;
    const { bus, store, artifacts, outbox } = this.#resources;
    const grpc = this.#grpc;
    const security = this.#security;
    const need = <T>(what: string, value: T | undefined): T => {
      if (value === undefined)
        throw new TypeError(`The service '${name}' reads kit.${what}, but its definition switches that off.`);
      return value;
    };
    const tracked =
      bus === undefined
        ? undefined
        : trackConsumptions(bus, (consumption) => this.#stops.addConsumptions([consumption]));
    return {
      name,
      version,
      config: this.#config,
      logger: this.#logger,
      clock: Date.now,
      tracer: trace.getTracer(`@rookery/${name}`, version),
      metrics: metrics.getMeter(`@rookery/${name}`, version),
      signal: this.#stopping.signal,
      onStop: (fn, options) => this.#stops.add(fn, options),
      stop: (reason, exitCode = exitCodes.ok) => this.#stop(reason, exitCode),
      get bus() {
        return need('bus', tracked);
      },
      get store() {
        return need('store', store);
      },
      get artifacts() {
        return need('artifacts', artifacts);
      },
      get outbox() {
        return need('outbox', outbox);
      },
      get grpc() {
        return need('grpc', grpc);
      },
      get security() {
        return need('security', security);
      },
      get health() {
        return need('health', grpc?.health);
      },
    };
  }

  #stop(reason: string, exitCode: number): void {
    if (this.#end !== undefined) return;
    this.#logger.info({ reason }, 'stopping');
    this.#stopping.abort(new Error(`the service stops: ${reason}`));
    this.#end = this.#stopInOrder().then((failed) => {
      this.#logger.info(
        { reason, exit_code: exitCode, ...(failed.length > 0 ? { unfinished: failed } : {}) },
        'stopped',
      );
      process.exit(exitCode);
    });
  }

  async #stopInOrder(): Promise<string[]> {
    const { bus, store } = this.#resources;
    const grpc = this.#grpc;
    grpc?.health.setReady(false);
    const steps: StopStep[] = [
      ...this.#stops.steps('intake'),
      // Two thirds of the time for events in flight, so that calls, buffers and connections keep some.
      {
        name: 'consumptions',
        run: (budgetMs) => this.#stops.stopConsumptions(Math.floor((budgetMs * 2) / 3)),
      },
      { name: 'grpc', run: async (budgetMs) => grpc?.stop(Math.floor((budgetMs * 2) / 3)) },
      ...this.#stops.steps('drained'),
      { name: 'store', run: () => store?.close() },
      { name: 'bus', run: () => bus?.close() },
      { name: 'telemetry', run: (budgetMs) => this.#telemetry.shutdown(Math.min(2000, budgetMs)) },
    ];
    return runStopSteps(steps, this.#config.ROOKERY_STOP_TIMEOUT_MS, this.#logger);
  }
}
