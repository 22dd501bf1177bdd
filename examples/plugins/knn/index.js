// k nearest neighbours: what no network specification can say, since there is nothing to train. Definitions are those of scikit-learn's
// KNeighborsClassifier and KNeighborsRegressor (algorithm "brute"): of rows at the same distance the one that comes first in
// training is nearer, and with weights by distance a row that lies on training rows is answered by those alone.

/** @typedef {{ k: number, weights: 'uniform' | 'distance', metric: 'euclidean' | 'manhattan' }} Options */
/**
 * @typedef {object} Model
 * @property {Options} options
 * @property {boolean} regression
 * @property {number} outputs
 * @property {number} rows
 * @property {number} width
 * @property {Float32Array} features
 * @property {Float32Array} targets
 */

/** Numbers before the rows in the state: rows and width. */
const headNumbers = 2;

/** @type {import('@rookery/plugin').ModelPlugin<Options, Model>} */
const knn = {
  rookery: 1,
  kind: 'model',
  options: {
    k: { type: 'integer', min: 1, max: 10_000, default: 5 },
    weights: { type: 'choice', of: ['uniform', 'distance'], default: 'uniform' },
    metric: { type: 'choice', of: ['euclidean', 'manhattan'], default: 'euclidean' },
  },

  // To fit is to remember: rows × width, all features, then all targets, as float32.
  fit({ features, targets, rows, width, weights }, { k }) {
    if (weights !== undefined) throw new Error('k nearest neighbours have no use for weights of rows');
    if (rows < k)
      throw Object.assign(new Error(`k is ${k}, but there are ${rows} rows to fit on`), { field: 'k' });
    const state = new Float32Array(headNumbers + features.length + rows);
    state.set([rows, width]);
    state.set(features, headNumbers);
    state.set(targets, headNumbers + features.length);
    return new Uint8Array(state.buffer);
  },

  load(state, options, { task, outputs }) {
    const numbers = new Float32Array(state.slice().buffer);
    const [rows = 0, width = 0] = numbers;
    const end = headNumbers + rows * width;
    return {
      options,
      regression: task === 'regression',
      outputs,
      rows,
      width,
      features: numbers.subarray(headNumbers, end),
      targets: numbers.subarray(end),
    };
  },

  predict(model, { features, rows }) {
    const answers = new Float64Array(rows * model.outputs);
    for (let row = 0; row < rows; row += 1) {
      const neighbours = nearest(model, features, row);
      const shares = sharesOf(neighbours, model.options.weights);
      neighbours.forEach(({ at }, i) => {
        const target = model.targets[at];
        if (model.regression) answers[row] += shares[i] * target;
        else answers[row * model.outputs + target] += shares[i];
      });
    }
    return answers;
  },
};

/**
 * The k training rows that are nearest to a row, the nearest first.
 * @param {Model} model
 * @param {Float32Array} features
 * @param {number} row
 */
function nearest({ features: known, rows, width, options: { k, metric } }, features, row) {
  /** @type {{ at: number, distance: number }[]} */
  const kept = [];
  for (let at = 0; at < rows; at += 1) {
    let sum = 0;
    for (let column = 0; column < width; column += 1) {
      const gap = features[row * width + column] - known[at * width + column];
      sum += metric === 'euclidean' ? gap * gap : Math.abs(gap);
    }
    const distance = metric === 'euclidean' ? Math.sqrt(sum) : sum;
    if (kept.length === k && distance >= kept[k - 1].distance) continue;
    let place = kept.length;
    while (place > 0 && kept[place - 1].distance > distance) place -= 1;
    kept.splice(place, 0, { at, distance });
    if (kept.length > k) kept.pop();
  }
  return kept;
}

/**
 * How much each neighbour counts; all together 1.
 * @param {{ distance: number }[]} neighbours
 * @param {Options['weights']} weights
 */
function sharesOf(neighbours, weights) {
  const onIt = neighbours.some(({ distance }) => distance === 0);
  const parts = neighbours.map(({ distance }) => {
    if (weights === 'uniform') return 1;
    return onIt ? Number(distance === 0) : 1 / distance;
  });
  const sum = parts.reduce((a, b) => a + b, 0);
  return parts.map((part) => part / sum);
}

export default knn;
