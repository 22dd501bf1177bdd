/** Key of a model version in the monitor's documents. `@` is in no model name. */
export function versionKey(model: string, version: number): string {
  return `${model}@${version}`;
}
