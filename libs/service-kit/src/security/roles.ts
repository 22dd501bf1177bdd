/**
 * What a caller may be allowed to do. `admin` may call everything. `delegate` may name somebody else for whom a call is made, and nothing
 * more: it is for the console, and no part of `admin`.
 */
export const roles = ['predict', 'publish', 'read', 'admin', 'delegate'] as const;

/** One of {@link roles}. */
export type Role = (typeof roles)[number];

/** Who may call a method: anybody, or a caller with one of these roles. */
export type Access = 'open' | readonly Role[];

const read = ['read'] as const;
const publish = ['publish'] as const;
const predict = ['predict'] as const;
const admin = ['admin'] as const;

/**
 * Who may call which gRPC method: the only place that says so. A method without a row is refused to everybody, and a test
 * holds the table to the service definitions in proto/.
 */
export const methodAccess: Readonly<Record<string, Access>> = {
  // Probes have no token, and the answer says nothing but that the service is up.
  '/grpc.health.v1.Health/Check': 'open',
  '/grpc.health.v1.Health/Watch': 'open',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo': read,
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo': read,

  '/rookery.inference.v1.InferenceService/Predict': predict,
  '/rookery.inference.v1.InferenceService/PredictStream': predict,
  '/rookery.inference.v1.InferenceService/ListServedModels': ['read', 'predict'],
  '/rookery.transform.v1.TransformService/Apply': predict,
  '/rookery.transform.v1.TransformService/GetSearch': read,
  '/rookery.transform.v1.TransformService/ListPlugins': read,

  '/rookery.ingest.v1.IngestService/UploadDataset': publish,
  '/rookery.ingest.v1.IngestService/GetDataset': read,
  '/rookery.ingest.v1.IngestService/ListDatasets': read,

  '/rookery.registry.v1.RegistryService/ListRuns': read,
  '/rookery.registry.v1.RegistryService/GetRun': read,
  '/rookery.registry.v1.RegistryService/WatchRun': read,
  '/rookery.registry.v1.RegistryService/ResumeRun': publish,
  '/rookery.registry.v1.RegistryService/CancelRun': publish,
  '/rookery.registry.v1.RegistryService/ReproduceRun': publish,
  '/rookery.registry.v1.RegistryService/GetReproduction': read,
  '/rookery.registry.v1.RegistryService/ListReproductions': read,
  '/rookery.registry.v1.RegistryService/ListModels': read,
  '/rookery.registry.v1.RegistryService/GetModel': read,
  '/rookery.registry.v1.RegistryService/GetModelVersion': read,
  '/rookery.registry.v1.RegistryService/ListAliasHistory': read,
  '/rookery.registry.v1.RegistryService/SetAlias': admin,
  '/rookery.registry.v1.RegistryService/RollBack': admin,

  '/rookery.monitor.v1.MonitorService/ListReports': read,
  '/rookery.monitor.v1.MonitorService/GetReport': read,
  '/rookery.monitor.v1.MonitorService/ListPredictions': read,
  '/rookery.monitor.v1.MonitorService/GetStatus': read,
  '/rookery.monitor.v1.MonitorService/RunReport': publish,
  '/rookery.monitor.v1.MonitorService/AddLabels': publish,
};

/** Access to a method by its path, `/package.Service/Method`; undefined where the table has no row. */
export function accessOf(path: string): Access | undefined {
  return Object.hasOwn(methodAccess, path) ? methodAccess[path] : undefined;
}
