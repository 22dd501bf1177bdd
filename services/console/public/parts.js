// @ts-check
import { h } from './dom.js';
import { ago, moment, real, spread } from './format.js';

/** Settings of the server, filled before the first page is shown. */
export const settings = { jaegerUrl: /** @type {string | null} */ (null), version: '' };

/** @param {string} text @param {string} [tone] */
export function tag(text, tone = '') {
  return h('span', { class: `tag ${tone}` }, text);
}

const runTones = {
  training: 'info',
  evaluated: 'info',
  promoted: 'ok',
  rejected: 'warn',
  failed: 'bad',
  cancelled: 'warn',
};

/** @param {string} state */
export function runState(state) {
  return tag(state, /** @type {Record<string, string>} */ (runTones)[state] ?? '');
}

/** @param {{ mean: number, std: number } | null | undefined} metric */
export function meanStd(metric) {
  return metric
    ? [real(metric.mean), h('span', { class: 'soft' }, ` ± ${spread(metric.std, metric.mean)}`)]
    : '–';
}

/** @param {number | null | undefined} ms */
export function time(ms) {
  return ms ? h('time', { datetime: new Date(ms).toISOString(), title: moment(ms) }, ago(ms)) : '–';
}

/** A long hexadecimal or id, shortened, whole in its title. @param {string} id @param {number} [length] */
export function shortId(id, length = 12) {
  return id
    ? h('span', { class: 'mono', title: id }, id.length > length + 1 ? `${id.slice(0, length)}…` : id)
    : '–';
}

/** @param {{ backend: string, engine: string, engineVersion: string }} environment */
export function backend({ backend: name, engine, engineVersion }) {
  // The hash of a plug-in, which follows its version, stands among the plug-ins.
  const version = name === 'plugin' ? engineVersion.split(' ')[0] : engineVersion;
  return `${name} (${engine} ${version})`;
}

/**
 * The plug-ins that have a part in a run; nothing where there is none.
 * @param {{ name: string, version: string, sha256: string }[]} plugins
 */
export function pluginList(plugins) {
  if (plugins.length === 0) return null;
  return h(
    'ul',
    { class: 'plain' },
    plugins.map(({ name, version, sha256 }) =>
      h('li', null, h('a', { href: '#/plugins' }, name), ` ${version} `, shortId(sha256)),
    ),
  );
}

/** @param {string} traceId */
export function trace(traceId) {
  if (!traceId) return '–';
  if (!settings.jaegerUrl) return shortId(traceId);
  const href = `${settings.jaegerUrl.replace(/\/+$/, '')}/trace/${encodeURIComponent(traceId)}`;
  return h(
    'a',
    {
      class: 'mono',
      href,
      target: '_blank',
      rel: 'noopener noreferrer',
      title: `Trace ${traceId} in Jaeger`,
    },
    `${traceId.slice(0, 12)}…`,
  );
}

/** @param {string} path @param {...(string | number)} parts */
export function href(path, ...parts) {
  return `#/${[path, ...parts.map((part) => encodeURIComponent(String(part)))].join('/')}`;
}

/** @param {any} message @param {...any} more */
export function empty(message, ...more) {
  return h('div', { class: 'empty' }, h('p', null, message), more);
}

/** What failed, and what to do next. @param {{ code?: string, message?: string, hint?: string }} error @param {string} [tone] */
export function problem(error, tone = 'bad') {
  return h(
    'div',
    { class: `notice ${tone}`, role: tone === 'bad' ? 'alert' : undefined },
    h('p', null, error.code && h('b', { class: 'mono' }, error.code, ' '), error.message || 'It failed.'),
    error.hint && h('p', { class: 'soft' }, error.hint),
  );
}

/** @param {Array<[any, any]>} entries */
export function facts(entries) {
  return h(
    'dl',
    { class: 'facts' },
    entries
      .filter(([, value]) => value !== null && value !== undefined && value !== '')
      .map(([name, value]) => [h('dt', null, name), h('dd', null, value)]),
  );
}

/** @param {Array<[any, any]>} entries */
export function cards(entries) {
  return h(
    'dl',
    { class: 'cards' },
    entries.map(([name, value]) => h('div', null, h('dt', null, name), h('dd', null, value))),
  );
}

/**
 * A table whose rows become cards on a narrow screen. The first cell of a row is its header.
 * @param {string} caption
 * @param {Array<{ label: string, num?: boolean }>} columns
 * @param {any[][]} rows
 */
export function table(caption, columns, rows) {
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      { class: 'stack' },
      h('caption', { class: 'vh' }, caption),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          columns.map(({ label, num }) => h('th', { scope: 'col', class: num ? 'num' : undefined }, label)),
        ),
      ),
      h(
        'tbody',
        null,
        rows.map((cells) =>
          h(
            'tr',
            null,
            cells.map((content, index) => {
              const column = columns[index];
              const blank = content === null || content === undefined || content === '';
              const props = {
                'data-label': column?.label,
                class: [column?.num ? 'num' : '', blank ? 'blank' : ''].join(' ').trim() || undefined,
              };
              return index === 0 ? h('th', { scope: 'row', ...props }, content) : h('td', props, content);
            }),
          ),
        ),
      ),
    ),
  );
}

/** @param {string} title @param {...any} content */
export function panel(title, ...content) {
  return h('section', { class: 'panel' }, h('h2', null, title), content);
}

/** A panel around a table. @param {string} title @param {any} note @param {...any} content */
export function tablePanel(title, note, ...content) {
  return h(
    'section',
    { class: 'panel flush' },
    h('div', { class: 'panel-head' }, h('h2', null, title), note && h('p', { class: 'soft' }, note)),
    content,
  );
}

/** @param {any[]} crumbs */
export function crumb(...crumbs) {
  return h(
    'p',
    { class: 'crumb soft' },
    crumbs.map((part, index) => [index > 0 && ' / ', part]),
  );
}

/**
 * Truth by prediction of each label.
 * @param {{ label: string, trueNegatives: number, falsePositives: number, falseNegatives: number, truePositives: number }[]} counts
 */
export function labelConfusions(counts) {
  return table(
    'Held-out rows by label',
    [
      { label: 'Label' },
      { label: 'Found', num: true },
      { label: 'Missed', num: true },
      { label: 'False alarm', num: true },
      { label: 'Rightly not', num: true },
      { label: 'Precision', num: true },
      { label: 'Recall', num: true },
    ],
    counts.map(({ label, trueNegatives, falsePositives, falseNegatives, truePositives }) => [
      label,
      String(truePositives),
      String(falseNegatives),
      String(falsePositives),
      String(trueNegatives),
      ratio(truePositives, truePositives + falsePositives),
      ratio(truePositives, truePositives + falseNegatives),
    ]),
  );
}

/** @param {number} part @param {number} whole */
function ratio(part, whole) {
  return whole === 0 ? '–' : (part / whole).toFixed(3);
}

/** Truth by prediction. @param {{ classes: string[], counts: number[] }} matrix */
export function confusion({ classes, counts }) {
  const size = classes.length;
  return h(
    'div',
    { class: 'scroll' },
    h(
      'table',
      { class: 'confusion' },
      h('caption', { class: 'vh' }, 'Held-out rows: truth by row, prediction by column'),
      h(
        'thead',
        null,
        h(
          'tr',
          null,
          h('th', null, 'truth \\ predicted'),
          classes.map((name) => h('th', { scope: 'col' }, name)),
        ),
      ),
      h(
        'tbody',
        null,
        classes.map((name, row) => {
          const total =
            counts.slice(row * size, (row + 1) * size).reduce((sum, count) => sum + count, 0) || 1;
          return h(
            'tr',
            null,
            h('th', { scope: 'row' }, name),
            classes.map((_, column) => {
              const count = counts[row * size + column] ?? 0;
              return h(
                'td',
                {
                  class: row === column ? undefined : 'wrong',
                  style: { '--share': (count / total).toFixed(3) },
                },
                count,
              );
            }),
          );
        }),
      ),
    ),
  );
}

/** @param {unknown} value @param {string} label */
export function json(value, label) {
  return h(
    'details',
    null,
    h('summary', null, label),
    h('pre', { tabindex: 0 }, JSON.stringify(value, null, 2)),
  );
}
