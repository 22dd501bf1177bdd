// @ts-check
import { get } from '../api.js';
import { h } from '../dom.js';
import { number, size } from '../format.js';
import { empty, href, shortId, table, tablePanel, time } from '../parts.js';

/** @type {import('../app.js').Page} */
export const datasetsPage = {
  section: 'datasets',
  title: () => 'Data sets',
  load: (_, signal) => get('/datasets?limit=200', signal),
  affectedBy: ({ type }) => type.startsWith('ml.dataset.'),
  view({ datasets }) {
    const versions = datasets.filter((/** @type {any} */ dataset) => dataset.state === 'ingested');
    const rejected = datasets.filter((/** @type {any} */ dataset) => dataset.state === 'rejected');
    return [
      h('div', { class: 'head' }, h('h1', null, 'Data sets')),
      datasets.length === 0 && h('section', { class: 'panel' }, empty('No data set was published yet.')),
      versions.length > 0 && tablePanel('Versions', null, versionTable(versions)),
      rejected.length > 0 &&
        tablePanel('Rejected requests', 'what was wrong, and what to do about it', rejectedTable(rejected)),
    ].filter(Boolean);
  },
};

/** @param {any[]} versions */
function versionTable(versions) {
  return table(
    'Versions of data sets, newest first',
    [
      { label: 'Data set' },
      { label: 'Rows', num: true },
      { label: 'Columns', num: true },
      { label: 'Size', num: true },
      { label: 'Source' },
      { label: 'Run' },
      { label: 'Sha256' },
      { label: 'Taken in', num: true },
    ],
    versions.map((dataset) => [
      h(
        'a',
        { href: href('datasets', dataset.name, dataset.version) },
        `${dataset.name} v${dataset.version}`,
      ),
      number(dataset.rows),
      number(dataset.columns.length),
      size(dataset.bytes),
      h('span', { class: 'mono soft wrap' }, dataset.uri),
      h('a', { class: 'mono', href: href('runs', dataset.runId) }, dataset.runId),
      shortId(dataset.sha256),
      time(dataset.createdAtMs),
    ]),
  );
}

/** @param {any[]} rejected */
function rejectedTable(rejected) {
  return table(
    'Rejected requests, newest first',
    [
      { label: 'Name' },
      { label: 'Code' },
      { label: 'What is wrong' },
      { label: 'What to do' },
      { label: 'Source' },
      { label: 'When', num: true },
    ],
    rejected.map((dataset) => [
      h('span', { class: 'wrap' }, dataset.name || '(no name)'),
      h('span', { class: 'mono' }, dataset.code),
      h('span', { class: 'wrap' }, dataset.message),
      h('span', { class: 'soft' }, dataset.hint),
      h('span', { class: 'mono soft wrap' }, dataset.uri),
      time(dataset.createdAtMs),
    ]),
  );
}
