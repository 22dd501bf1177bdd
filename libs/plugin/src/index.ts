export type {
  EpochReport,
  FeatureRows,
  FitContext,
  ModelPlugin,
  ModelProblem,
  PluginTask,
  TrainingRows,
} from './interface/model-plugin.js';
export type { OptionRule, OptionRules, PluginOptions } from './interface/options.js';
export type { ColumnKind, StepContext, TransformPlugin } from './interface/transform-plugin.js';
export type { CheckedPlugin } from './host/plugin-checks.js';
export { noPlugins, openPlugins } from './host/plugins.js';
export type { PluginFit, PluginSettings, Plugins } from './host/plugins.js';
export type { PluginPredictor } from './host/plugin-predictor.js';
export { pluginSettings } from './plugin-settings.js';
export { isPluginSpec } from './plugin-spec.js';
export type { PluginSpec } from './plugin-spec.js';
export type { PluginIdentity } from './packages/installed-plugin.js';
export { pluginFormat, specOfTrained, trainedPlugin } from './trained-plugin.js';
export { madeColumns, withPluginColumns } from './plugin-columns.js';
export type { OpenStep } from './host/plugin-step.js';
export type { PluginSteps, SettledStep } from './host/plugin-steps.js';
export { sharedSteps } from './host/shared-steps.js';
