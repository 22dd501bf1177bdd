// @ts-check
import { h } from './dom.js';
import { number } from './format.js';

/**
 * A line over epochs. `total` epochs span the width, so that a curve grows to the right while its job trains.
 * @param {{ values: readonly number[], total: number, name: string, unit?: string, second?: boolean, width?: number, height?: number }} options
 */
export function curve({ values, total, name, unit = 'epochs', second = false, width = 130, height = 36 }) {
  const finite = values.filter((value) => Number.isFinite(value));
  const low = Math.min(...finite);
  const high = Math.max(...finite);
  const span = high - low || 1;
  const steps = Math.max(1, Math.max(total, values.length) - 1);
  const stride = Math.max(1, Math.ceil(values.length / width));
  /** @param {number} index */
  const x = (index) => (index / steps) * (width - 6) + 2;
  /** @param {number} value */
  const y = (value) => height - 4 - ((value - low) / span) * (height - 8);
  const points = values
    .map((value, index) => ({ value, index }))
    .filter(
      ({ value, index }) => Number.isFinite(value) && (index % stride === 0 || index === values.length - 1),
    );
  const last = points.at(-1);
  const label = last
    ? `${name} from ${number(points[0]?.value)} to ${number(last.value)} over ${values.length} of ${Math.max(total, values.length)} ${unit}`
    : `${name}: nothing yet`;
  const kind = second ? ' b' : '';
  return h(
    'svg',
    {
      class: 'chart',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: 'xMinYMid',
      role: 'img',
      'aria-label': label,
    },
    h('title', null, label),
    h('line', { class: 'axis', x1: 0, x2: width, y1: height - 1, y2: height - 1 }),
    points.length > 1 &&
      h('polyline', {
        class: `line${kind}`,
        points: points.map(({ value, index }) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join(' '),
      }),
    last &&
      h('circle', {
        class: `dot${kind}`,
        cx: x(last.index).toFixed(1),
        cy: y(last.value).toFixed(1),
        r: 2.5,
      }),
  );
}

/**
 * A small histogram.
 * @param {{ edges: readonly number[], counts: readonly number[] }} histogram
 */
export function histogram({ edges, counts }, width = 110, height = 32) {
  const most = Math.max(1, ...counts);
  const step = width / Math.max(1, counts.length);
  const label =
    counts.length === 0
      ? 'no values'
      : `histogram from ${number(edges[0])} to ${number(edges.at(-1))}: ${counts.join(', ')}`;
  return h(
    'svg',
    { class: 'chart', width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label },
    h('title', null, label),
    h('line', { class: 'axis', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    counts.map((count, index) => {
      const tall = count === 0 ? 0 : Math.max(1, (count / most) * (height - 2));
      return h('rect', {
        class: 'col',
        x: (index * step + 0.5).toFixed(1),
        y: (height - 1 - tall).toFixed(1),
        width: Math.max(1, step - 1).toFixed(1),
        height: tall.toFixed(1),
      });
    }),
  );
}

/** A share as a bar. @param {number} share @param {string} [tone] */
export function bar(share, tone = '') {
  const width = Math.max(0, Math.min(1, Number.isFinite(share) ? share : 0));
  return h(
    'span',
    { class: `bar ${tone}`, 'aria-hidden': 'true' },
    h('i', { style: { width: `${(width * 100).toFixed(1)}%` } }),
  );
}
