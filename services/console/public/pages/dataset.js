// @ts-check
import { get } from '../api.js';
import { bar, histogram } from '../charts.js';
import { h } from '../dom.js';
import { moment, number, percent, size } from '../format.js';
import { cards, crumb, empty, facts, href, panel, shortId, table, tablePanel, tag } from '../parts.js';

/** @type {import('../app.js').Page} */
export const datasetPage = {
  section: 'datasets',
  title: ([name, version]) => `${name} v${version ?? 0}`,
  load: ([name, version], signal) =>
    get(`/datasets/${encodeURIComponent(name ?? '')}/${encodeURIComponent(version ?? '0')}`, signal),
  pollMs: 60_000,
  view({ dataset, profile }) {
    return [
      h(
        'div',
        { class: 'head' },
        crumb(h('a', { href: '#/datasets' }, 'Data sets'), dataset.name),
        h('h1', null, `${dataset.name} v${dataset.version}`),
      ),
      cards([
        ['rows', number(dataset.rows)],
        ['columns', number(dataset.columns.length)],
        [
          'missing cells',
          number(
            dataset.columns.reduce(
              (/** @type {number} */ sum, /** @type {any} */ column) => sum + column.missing,
              0,
            ),
          ),
        ],
        ['stored as Arrow', size(dataset.bytes)],
      ]),
      profile
        ? tablePanel('Columns', null, profileTable(profile))
        : h('section', { class: 'panel' }, empty('There is no profile of this version.')),
      panel(
        'Source',
        facts([
          ['Uri', h('span', { class: 'mono' }, dataset.uri)],
          ['Source sha256', shortId(dataset.sourceSha256, 24)],
          ['Data sha256', shortId(dataset.sha256, 24)],
          ['Taken in', moment(dataset.createdAtMs)],
          ['Request', shortId(dataset.requestEventId, 32)],
          ['Run', h('a', { class: 'mono', href: href('runs', dataset.runId) }, dataset.runId)],
        ]),
      ),
    ];
  },
};

/** @param {any} profile */
function profileTable(profile) {
  return table(
    'Profile of each column',
    [
      { label: 'Column' },
      { label: 'Type' },
      { label: 'Missing', num: true },
      { label: 'Distinct', num: true },
      { label: 'Min', num: true },
      { label: 'Mean', num: true },
      { label: 'Max', num: true },
      { label: 'Std', num: true },
      { label: 'Distribution' },
    ],
    profile.columns.map((/** @type {any} */ column) => {
      const numeric = column.type === 'numeric';
      return [
        h('span', { class: 'wrap' }, column.name),
        h(
          'span',
          { class: 'tags' },
          tag(column.type),
          column.constant && tag('constant', 'warn'),
          column.allMissing && tag('empty', 'bad'),
        ),
        column.missing === 0 ? '0' : `${number(column.missing)} (${percent(column.missingShare)})`,
        number(column.distinct),
        numeric ? number(column.min) : '',
        numeric ? number(column.mean) : '',
        numeric ? number(column.max) : '',
        numeric ? number(column.sampleStd) : '',
        numeric ? histogram(column.histogram) : topList(column.top, column.distinct),
      ];
    }),
  );
}

/** @param {any[]} top @param {number} distinct */
function topList(top, distinct) {
  const shown = top.slice(0, 5);
  return h(
    'div',
    { class: 'top-list' },
    shown.map((item) =>
      h(
        'div',
        null,
        h('span', { title: item.category }, item.category),
        bar(item.share),
        h('span', null, percent(item.share)),
      ),
    ),
    distinct > shown.length && h('span', { class: 'soft' }, `and ${distinct - shown.length} more`),
  );
}
