// Words of a text as numbers: how often each word of the training rows is in a text, weighed by how rare it is, each row of length 1.
// Definitions are those of scikit-learn's TfidfVectorizer with its defaults (words of two characters or more in lower case, smoothed
// inverse document frequency, norm l2); of words with equal counts `maxFeatures` keeps the first in the alphabet.

/** @typedef {{ minRows: number, maxFeatures: number }} Options */
/** @typedef {{ words: string[], weights: number[] }} Learnt */
/** @typedef {Learnt & { position: Map<string, number> }} Loaded */

/** @type {import('@rookery/plugin').TransformPlugin<Options, Loaded>} */
const tfidf = {
  rookery: 1,
  kind: 'transform',
  options: {
    minRows: { type: 'integer', min: 1, default: 2 },
    maxFeatures: { type: 'integer', min: 1, max: 5_000, default: 500 },
  },

  check(_options, columns) {
    if (columns.length !== 1 || columns[0]?.type !== 'categorical')
      throw new Error('it takes one column of texts (columnTypes: categorical)');
  },

  fit([column], { minRows, maxFeatures }, { rows }) {
    /** @type {Map<string, { rows: number, count: number }>} */
    const found = new Map();
    for (const text of column.values) {
      const words = wordsOf(text);
      for (const [i, word] of words.entries()) {
        const known = found.get(word) ?? { rows: 0, count: 0 };
        const isFirst = words.indexOf(word) === i;
        found.set(word, { rows: known.rows + Number(isFirst), count: known.count + 1 });
      }
    }
    const kept = [...found]
      .filter(([, word]) => word.rows >= minRows)
      .sort(([a, one], [b, other]) => other.count - one.count || (a < b ? -1 : 1))
      .slice(0, maxFeatures)
      .sort(([a], [b]) => (a < b ? -1 : 1));
    if (kept.length === 0) throw new Error(`no word is in ${minRows} rows or more`);
    /** @type {Learnt} */
    const learnt = {
      words: kept.map(([word]) => word),
      weights: kept.map(([, word]) => Math.log((1 + rows) / (1 + word.rows)) + 1),
    };
    return new TextEncoder().encode(JSON.stringify(learnt));
  },

  load(state) {
    /** @type {Learnt} */
    const learnt = JSON.parse(new TextDecoder().decode(state));
    return { ...learnt, position: new Map(learnt.words.map((word, i) => [word, i])) };
  },

  featureNames: ({ words }) => words,

  transform({ words, weights, position }, [column], rows) {
    const width = words.length;
    const numbers = new Float64Array(rows * width);
    for (let row = 0; row < rows; row += 1) {
      for (const word of wordsOf(column.values[row])) {
        const at = position.get(word);
        if (at !== undefined) numbers[row * width + at] += weights[at];
      }
      const part = numbers.subarray(row * width, (row + 1) * width);
      const length = Math.sqrt(part.reduce((sum, value) => sum + value * value, 0));
      if (length > 0) part.forEach((value, i) => (part[i] = value / length));
    }
    return numbers;
  },
};

/**
 * Words of a text; none where it is missing.
 * @param {unknown} text
 * @returns {string[]}
 */
function wordsOf(text) {
  return typeof text === 'string' ? (text.toLowerCase().match(/[\p{L}\p{N}_]{2,}/gu) ?? []) : [];
}

export default tfidf;
