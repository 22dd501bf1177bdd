/** A network and data of its size: relu layers, softmax, plain SGD. */
export interface TrainCase {
  readonly name: string;
  readonly rows: number;
  readonly width: number;
  readonly hidden: readonly number[];
  readonly classes: number;
  readonly batch: number;
  readonly epochs: number;
  readonly repetitions: number;
  readonly features: Float32Array;
  readonly targets: Int32Array;
}

/** The three sizes that are compared: a table's network, a middling one, a large one. The data is the same in every run. */
export function trainCases(): TrainCase[] {
  const size = { classes: 3, batch: 128, repetitions: 5 };
  return [
    {
      ...size,
      name: '275×9→10→8→3',
      rows: 275,
      width: 9,
      hidden: [10, 8],
      batch: 32,
      epochs: 50,
      repetitions: 11,
    },
    { ...size, name: '4096×64→256→256→3', rows: 4_096, width: 64, hidden: [256, 256], epochs: 5 },
    {
      ...size,
      name: '8192×784→512→256→10',
      rows: 8_192,
      width: 784,
      hidden: [512, 256],
      classes: 10,
      epochs: 2,
      repetitions: 3,
    },
  ].map((one) => ({ ...one, ...dataOf(one) }));
}

/** Standardised features; the label is the largest of a row's first features. */
function dataOf(one: { rows: number; width: number; classes: number }): {
  features: Float32Array;
  targets: Int32Array;
} {
  const features = Float32Array.from(
    { length: one.rows * one.width },
    (_, i) => Math.sin(i * 12.9898) * Math.SQRT2,
  );
  const targets = Int32Array.from({ length: one.rows }, (_, row) => {
    const first = features.subarray(row * one.width, row * one.width + Math.min(one.classes, one.width));
    return first.indexOf(Math.max(...first));
  });
  return { features, targets };
}
