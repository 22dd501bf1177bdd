/** Media types of the artifacts that cross service borders. */
export const artifactTypes = {
  dataset: 'application/vnd.apache.arrow.stream',
  datasetSource: 'application/octet-stream',
  datasetProfile: 'application/json',
  foldBundle: 'application/protobuf; message=rookery.artifacts.v1.FoldBundle',
  trainedModel: 'application/protobuf; message=rookery.artifacts.v1.TrainedModel',
  modelPackage: 'application/protobuf; message=rookery.artifacts.v1.ModelPackage',
  referenceProfile: 'application/protobuf; message=rookery.artifacts.v1.ReferenceProfile',
  heldOutPredictions: 'application/octet-stream; type=float32',
} as const;
