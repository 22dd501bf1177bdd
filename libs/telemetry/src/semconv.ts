/**
 * The names of every span, metric and log attribute that Rookery writes.
 *
 * `messaging.*`, `rpc.*`, `server.*`, `error.*` and `service.*` are OpenTelemetry semantic conventions (1.4x);
 * there is no convention for training or evaluation, so those live under `rookery.*`. One table, so that a
 * dashboard and the code cannot drift apart.
 */
export const attr = {
  // messaging (spans of the bus)
  messagingSystem: 'messaging.system',
  messagingOperationName: 'messaging.operation.name',
  messagingOperationType: 'messaging.operation.type',
  messagingDestinationName: 'messaging.destination.name',
  messagingDestinationTemplate: 'messaging.destination.template',
  messagingConsumerGroup: 'messaging.consumer.group.name',
  messagingMessageId: 'messaging.message.id',
  messagingConversationId: 'messaging.message.conversation_id',
  messagingBodySize: 'messaging.message.body.size',
  messagingBatchCount: 'messaging.batch.message_count',
  messagingNatsStream: 'messaging.nats.stream',
  messagingNatsSequence: 'messaging.nats.stream_sequence',
  messagingNatsDeliveryCount: 'messaging.nats.delivery_count',
  messagingNatsDuplicate: 'messaging.nats.duplicate',
  messagingNatsSettlement: 'messaging.nats.settlement',
  // rpc (spans of gRPC servers and clients)
  rpcSystem: 'rpc.system.name',
  rpcMethod: 'rpc.method',
  rpcStatusCode: 'rpc.response.status_code',
  serverAddress: 'server.address',
  serverPort: 'server.port',
  // errors
  errorType: 'error.type',
  errorMessage: 'error.message',
  // service
  serviceName: 'service.name',
  serviceVersion: 'service.version',
  serviceInstanceId: 'service.instance.id',
  // events
  eventId: 'cloudevents.event_id',
  eventType: 'cloudevents.event_type',
  eventSource: 'cloudevents.event_source',
  // machine learning
  datasetId: 'rookery.dataset.id',
  datasetSha256: 'rookery.dataset.sha256',
  datasetRows: 'rookery.dataset.rows',
  datasetColumns: 'rookery.dataset.columns',
  runId: 'rookery.run.id',
  runSeed: 'rookery.run.seed',
  foldIndex: 'rookery.fold.index',
  foldCount: 'rookery.fold.count',
  jobKind: 'rookery.job.kind',
  jobKey: 'rookery.job.key',
  epoch: 'rookery.epoch',
  backend: 'rookery.backend',
  modelName: 'rookery.model.name',
  modelVersion: 'rookery.model.version',
  modelAlias: 'rookery.model.alias',
  modelSha256: 'rookery.model.sha256',
  metricName: 'rookery.metric.name',
  metricValue: 'rookery.metric.value',
  gateDecision: 'rookery.gate.decision',
  predictionId: 'rookery.prediction.id',
  predictionRows: 'rookery.prediction.rows',
  driftShare: 'rookery.drift.share',
  driftDetected: 'rookery.drift.detected',
  artifactSha256: 'rookery.artifact.sha256',
  artifactBytes: 'rookery.artifact.bytes',
  artifactMediaType: 'rookery.artifact.media_type',
} as const;

/** One of the attribute names of the table `attr`. */
export type AttributeName = (typeof attr)[keyof typeof attr];

/** Span names. A name holds templates only, never a key or an id, so that its cardinality stays low. */
export const spanName = {
  /** `send ml.dataset.ingested.{key}` */
  send: (template: string): string => `send ${template}`,
  /** `process ml.dataset.ingested.{key}` */
  process: (template: string): string => `process ${template}`,
  /** gRPC spans carry the full method name, `rookery.ingest.v1.IngestService/GetDataset`, without the slash in front. */
  rpc: (path: string): string => (path.startsWith('/') ? path.slice(1) : path),
} as const;
