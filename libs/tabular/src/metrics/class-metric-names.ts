/** More classes than this have no metrics of their own: events and documents would grow with them. */
export const MOST_CLASSES_WITH_METRICS = 50;

/** Longest part of a label in a metric's name. */
const LONGEST = 60;

/**
 * What the names of a class's metrics end in (`recall_of_malignant`): the label, cut to 60 characters, without the
 * characters that no document store takes in a field's name; with the class's number where two would be alike. Empty for
 * more than MOST_CLASSES_WITH_METRICS classes.
 */
export function classMetricSuffixes(labels: readonly string[]): string[] {
  if (labels.length > MOST_CLASSES_WITH_METRICS) return [];
  const plain = labels.map((label) => `_of_${label.replace(/[.$\0]/g, '_').slice(0, LONGEST)}`);
  return plain.map((suffix, k) =>
    plain.indexOf(suffix) === k && plain.lastIndexOf(suffix) === k ? suffix : `${suffix}_${k}`,
  );
}

/** Names of the metrics of single classes. */
export function classMetricNames(labels: readonly string[]): string[] {
  return classMetricSuffixes(labels).flatMap((suffix) =>
    ['precision', 'recall', 'f1'].map((metric) => `${metric}${suffix}`),
  );
}
