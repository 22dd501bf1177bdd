export { TabularError } from './tabular-error.js';
export type { TabularErrorCode } from './tabular-error.js';

export {
  allRows,
  cellAt,
  columnByName,
  columnLength,
  concatTables,
  createTable,
  findColumn,
  missingCount,
  presentRows,
  rowAt,
  schemaOf,
  selectColumnRows,
  selectColumns,
  selectRows,
} from './table/table.js';
export type {
  CellValue,
  CodedColumn,
  CodedColumnType,
  Column,
  ColumnSchema,
  ColumnType,
  NumericColumn,
  RowIndices,
  Table,
} from './table/table.js';
export { compareCategories } from './table/category-order.js';
export {
  columnFromValues,
  DEFAULT_MISSING_TOKENS,
  inferColumn,
  inferTable,
  parseDecimal,
} from './table/infer-column.js';
export type { InferColumnOptions, InferOptions, InferTableOptions } from './table/infer-column.js';
export { classLabels, inferTask, MAX_INTEGER_CLASSES } from './table/infer-task.js';
export type { InferredTask, Task } from './table/infer-task.js';
export { tableFromArrow, tableToArrow } from './table/arrow-codec.js';
export { checkedArrow } from './table/arrow-frame.js';

export { profileColumn, profileTable, quantileSorted } from './profile/profile-table.js';
export { sortScratch } from './profile/sort-floats.js';
export type { SortScratch } from './profile/sort-floats.js';
export type {
  CategoricalProfile,
  ColumnProfile,
  NumericProfile,
  ProfileOptions,
  TableProfile,
} from './profile/profile-table.js';

export { inputColumns } from './transform/fitted-transformer.js';
export type {
  FittedCategorical,
  FittedNumeric,
  FittedStandardTransformer,
  FittedTransformer,
  TransformerSpec,
} from './transform/fitted-transformer.js';
export { featureRanges } from './transform/feature-ranges.js';
export type { FeatureRange } from './transform/feature-ranges.js';
export { fitTransformer } from './transform/fit-transformer.js';
export { fitPipeline, servedPipeline } from './transform/fit-pipeline.js';
export type { FitPipelineOptions } from './transform/fit-pipeline.js';
export type {
  CodeOutput,
  CrossFit,
  FittedBranch,
  FittedPipeline,
  PipelineInput,
} from './transform/fitted-pipeline.js';
export { branchInputs, planBranches, refuseTargetEncoders } from './transform/plan-branches.js';
export type { PlannedBranch } from './transform/plan-branches.js';
export { readPreprocessing } from './transform/preprocessing-spec.js';
export type {
  FullPreprocessing,
  PreprocessingSpec,
  ShortPreprocessing,
} from './transform/preprocessing-spec.js';
export type { ColumnPlan, Recipe } from './transform/recipe.js';
export { transformRows, transformTrainingRows } from './transform/transform-rows.js';
export type { FeatureMatrix } from './transform/transform-rows.js';
export { compileRowTransformer } from './transform/row-transformer.js';
export type { RowReader, RowTransformer } from './transform/row-transformer.js';
export {
  decodeNumber,
  encodeLabels,
  encodeTarget,
  encodeTargets,
  fitTarget,
  labelSetTarget,
  labelThreshold,
  labelSetsOf,
  targetNumbers,
} from './transform/target-encoder.js';
export type { FitTargetOptions, TargetEncoder } from './transform/target-encoder.js';
export {
  DEFAULT_LABEL_SEPARATOR,
  DEFAULT_LABEL_THRESHOLD,
  encodeLabelSets,
  flagAt,
  formatLabelSet,
  labelSetNames,
  labelsAbove,
  thresholdAt,
  parseLabelSet,
} from './transform/label-sets.js';
export type { LabelSetEncoder, LabelSetSource, LabelThreshold } from './transform/label-sets.js';

export { numericCells, tableToMatrix } from './preprocess/cells.js';
export type { Category, JsonNumber } from './preprocess/cells.js';
export type { FittedCategories, InfrequentOptions } from './preprocess/category-groups.js';
export {
  fitColumnTransformer,
  fitTransformColumnTransformer,
  selectedColumns,
  transformColumnTransformer,
} from './preprocess/column-transformer.js';
export type {
  ColumnPipeline,
  ColumnSelection,
  ColumnTransformerSpec,
  FittedColumnTransformer,
} from './preprocess/column-transformer.js';
export { fitCategoryCodes, transformCategoryCodes } from './preprocess/category-codes.js';
export type { CategoryCodesSpec, FittedCategoryCodes } from './preprocess/category-codes.js';
export { fitLabelEncoder, inverseLabelEncoder, transformLabelEncoder } from './preprocess/label-encoder.js';
export type { FittedLabelEncoder } from './preprocess/label-encoder.js';
export {
  fitOneHotEncoder,
  inverseOneHotEncoder,
  transformOneHotEncoder,
} from './preprocess/one-hot-encoder.js';
export type { FittedOneHotEncoder, OneHotEncoderSpec } from './preprocess/one-hot-encoder.js';
export {
  fitOrdinalEncoder,
  inverseOrdinalEncoder,
  transformOrdinalEncoder,
} from './preprocess/ordinal-encoder.js';
export type { FittedOrdinalEncoder, OrdinalEncoderSpec } from './preprocess/ordinal-encoder.js';
export {
  boxCox,
  boxCoxLambda,
  inverseBoxCox,
  inverseYeoJohnson,
  yeoJohnson,
  yeoJohnsonLambda,
} from './preprocess/power-likelihood.js';
export {
  fitPowerTransformer,
  inversePowerTransformer,
  transformPowerTransformer,
} from './preprocess/power-transformer.js';
export type { FittedPowerTransformer, PowerTransformerSpec } from './preprocess/power-transformer.js';
export {
  fitQuantileTransformer,
  inverseQuantileTransformer,
  transformQuantileTransformer,
} from './preprocess/quantile-transformer.js';
export type {
  FittedQuantileTransformer,
  QuantileTransformerSpec,
} from './preprocess/quantile-transformer.js';
export {
  fitMinMaxScaler,
  fitRobustScaler,
  fitStandardScaler,
  inverseMinMaxScaler,
  inverseRobustScaler,
  inverseStandardScaler,
  transformMinMaxScaler,
  transformRobustScaler,
  transformStandardScaler,
} from './preprocess/scalers.js';
export type {
  FittedMinMaxScaler,
  FittedRobustScaler,
  FittedStandardScaler,
  MinMaxScalerSpec,
  RobustScalerSpec,
  StandardScalerSpec,
} from './preprocess/scalers.js';
export {
  fitSimpleImputer,
  inverseSimpleImputer,
  transformSimpleImputer,
} from './preprocess/simple-imputer.js';
export type { FittedSimpleImputer, SimpleImputerSpec } from './preprocess/simple-imputer.js';
export { fitStep, fitTransformStep, inverseStep, transformStep } from './preprocess/step.js';
export type { FitContext, FittedStep, StepSpec } from './preprocess/step.js';
export {
  fitTargetEncoder,
  fitTransformTargetEncoder,
  transformTargetEncoder,
} from './preprocess/target-mean-encoder.js';
export type {
  EncodingTarget,
  FittedTargetEncoder,
  TargetEncoderSpec,
  TestFolds,
} from './preprocess/target-mean-encoder.js';

export { createRandom, deriveSeed } from './split/random.js';
export type { Random } from './split/random.js';
export { kFold, stratifiedKFold } from './split/folds.js';
export type { Fold, FoldOptions } from './split/folds.js';
export { groupKFold, stratifiedGroupKFold } from './split/group-folds.js';
export type { Groups } from './split/group-folds.js';
export { assignLabelSets, labelSetKFold } from './split/label-set-folds.js';
export type { LabelMatrix } from './split/label-set-folds.js';
export { holdOut, stratifiedHoldOut } from './split/hold-out.js';
export type { HoldOutOptions } from './split/hold-out.js';
export { repeatedKFold, repeatedLabelSetKFold, repeatedStratifiedKFold } from './split/repeated-folds.js';
export type { RepeatOptions } from './split/repeated-folds.js';
export { foldCount, needsClasses, readSplit, splitKinds, splitRows } from './split/split-rows.js';
export type { GivenSplit, SplitKind, SplitSpec } from './split/split-rows.js';
export { timeSeriesSplit } from './split/time-series-split.js';
export type { TimeSeriesOptions } from './split/time-series-split.js';

export { evaluateClassification } from './metrics/classification.js';
export type { ClassificationEvaluation, ClassificationInput } from './metrics/classification.js';
export { classMetricNames } from './metrics/class-metric-names.js';
export { classQualities, confusionMatrix, confusionMetrics, sumConfusions } from './metrics/confusion.js';
export type { ClassQuality, ConfusionMatrix } from './metrics/confusion.js';
export { isBetter, metricDirection, metricDirections } from './metrics/metric-direction.js';
export type { MetricName } from './metrics/metric-direction.js';
export { descendingOrder } from './metrics/score-order.js';
export { tunedThreshold } from './metrics/tuned-threshold.js';
export type { ThresholdRows } from './metrics/tuned-threshold.js';
export { evaluateMultilabel, labelMetricNames, sumLabelConfusions } from './metrics/multilabel.js';
export type { LabelConfusion, MultilabelEvaluation, MultilabelInput } from './metrics/multilabel.js';
export { evaluateRegression } from './metrics/regression.js';
export type { RegressionEvaluation, RegressionInput } from './metrics/regression.js';
export { rocAuc } from './metrics/roc-auc.js';
export {
  accuracyScore,
  balancedAccuracyScore,
  balancedClassWeights,
  balancedSampleWeights,
  cohenKappaScore,
  matthewsCorrcoef,
  multilabelHammingLoss,
  multilabelSubsetAccuracy,
  zeroOneLoss,
} from './metrics/class-agreement.js';
export { weightedConfusion } from './metrics/label-counts.js';
export type { ClassPredictions, MultilabelPredictions } from './metrics/label-counts.js';
export {
  averageMultilabelScores,
  averageScores,
  binaryScores,
  classScores,
  multilabelScores,
} from './metrics/precision-recall.js';
export type {
  LabelScores,
  PrecisionRecall,
  PrecisionRecallOptions,
  ScoreAverage,
} from './metrics/precision-recall.js';
export {
  brierScore,
  calibrationBins,
  calibrationError,
  logLoss,
  topLabelCalibration,
} from './metrics/probability-scores.js';
export type {
  CalibrationBin,
  CalibrationError,
  CalibrationInput,
  CalibrationOptions,
} from './metrics/probability-scores.js';
export {
  averagePrecision,
  multiclassAveragePrecision,
  multiclassRocAuc,
  multilabelAveragePrecision,
  multilabelRocAuc,
  precisionRecallCurve,
  rocCurve,
  topKAccuracy,
  weightedRocAuc,
} from './metrics/ranking.js';
export type {
  BinaryScoring,
  ClassScoring,
  CurveAverage,
  MultilabelScoring,
  PrecisionRecallCurve,
  RocCurve,
} from './metrics/ranking.js';
export {
  meanPinballLoss,
  meanTweedieDeviance,
  weightedRegressionScores,
} from './metrics/weighted-regression.js';
export type { RegressionScores, WeightedRegression } from './metrics/weighted-regression.js';

export { addMoments, mergeMoments, momentsSummary, noMoments } from './stream/moments.js';
export type { Moments, MomentsSummary } from './stream/moments.js';
export {
  addToSketch,
  createQuantileSketch,
  mergeSketches,
  sketchQuantile,
  sketchWeight,
} from './stream/quantile-sketch.js';
export type { QuantileSketch, SketchBins } from './stream/quantile-sketch.js';
export { addToConfusion, emptyConfusion } from './stream/streaming-confusion.js';
export { summarise, summariseMetrics } from './metrics/summarise.js';
export type { Summary } from './metrics/summarise.js';

export { buildReferenceColumn, countCategories, currentColumn } from './drift/reference-column.js';
export type {
  CategoricalReference,
  CategoryCounts,
  CurrentColumn,
  NumericReference,
  ReferenceColumn,
  ReferenceOptions,
} from './drift/reference-column.js';
export { columnDrift } from './drift/column-drift.js';
export type { ColumnDrift, DriftOptions } from './drift/column-drift.js';
export { driftMethods, isDrift, LARGE_REFERENCE_ROWS, selectDriftMethod } from './drift/drift-method.js';
export type { DriftMethod, DriftScoreKind } from './drift/drift-method.js';
export { datasetDrift } from './drift/dataset-drift.js';
export type { DatasetDrift } from './drift/dataset-drift.js';
export { dataQuality } from './drift/data-quality.js';
export type {
  ColumnQuality,
  DataQualityOptions,
  QualityIssue,
  QualityIssueKind,
} from './drift/data-quality.js';
export { kolmogorovSmirnovPValue } from './drift/kolmogorov-smirnov.js';
export { chiSquareSurvival, erfc, logGamma, upperGamma } from './distributions/gamma.js';
export { kolmogorovSurvival } from './distributions/kolmogorov.js';
export { normalCdf, normalQuantile } from './distributions/normal.js';
export { rawFeatures } from './transform/raw-features.js';
export type { RawFeatures } from './transform/raw-features.js';
export { rawColumnOf, rawColumnsOf, withMadeColumns } from './transform/raw-column.js';
export type { MadeColumn, RawColumn } from './transform/raw-column.js';
export { pluginStepsOf, rawColumns } from './transform/fitted-transformer.js';
export type { FittedPluginStep } from './transform/fitted-pipeline.js';
export type { PluginStepSpec } from './transform/preprocessing-spec.js';
