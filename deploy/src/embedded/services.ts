/** One service of the embedded system. */
export interface ServiceEntry {
  readonly name: string;
  /** Variable that holds its port. */
  readonly portVariable: string;
  readonly defaultPort: number;
  readonly protocol: 'grpc' | 'http';
  /** What it is for, in the table that is printed at start. */
  readonly role: string;
}

/** The services, in the order in which an event passes them. */
export const serviceEntries: readonly ServiceEntry[] = [
  {
    name: 'ingest',
    portVariable: 'ROOKERY_INGEST_PORT',
    defaultPort: 7074,
    protocol: 'grpc',
    role: 'data sets in',
  },
  {
    name: 'transform',
    portVariable: 'ROOKERY_TRANSFORM_PORT',
    defaultPort: 7076,
    protocol: 'grpc',
    role: 'folds and transformers',
  },
  {
    name: 'trainer',
    portVariable: 'ROOKERY_TRAINER_PORT',
    defaultPort: 7077,
    protocol: 'grpc',
    role: 'training',
  },
  {
    name: 'evaluator',
    portVariable: 'ROOKERY_EVALUATOR_PORT',
    defaultPort: 7078,
    protocol: 'grpc',
    role: 'metrics and gate',
  },
  {
    name: 'registry',
    portVariable: 'ROOKERY_REGISTRY_PORT',
    defaultPort: 7073,
    protocol: 'grpc',
    role: 'runs, models, aliases',
  },
  {
    name: 'inference',
    portVariable: 'ROOKERY_INFERENCE_GRPC_PORT',
    defaultPort: 7071,
    protocol: 'grpc',
    role: 'predictions',
  },
  {
    name: 'monitor',
    portVariable: 'ROOKERY_MONITOR_PORT',
    defaultPort: 7075,
    protocol: 'grpc',
    role: 'captures, labels, drift',
  },
  {
    name: 'console',
    portVariable: 'ROOKERY_CONSOLE_PORT',
    defaultPort: 7070,
    protocol: 'http',
    role: 'web console',
  },
];
