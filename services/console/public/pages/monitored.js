// @ts-check
import { get, post } from '../api.js';
import { h } from '../dom.js';
import { cell, clock, moment, number, percent, plain, plural, real } from '../format.js';
import { cards, crumb, empty, href, problem, shortId, table, tablePanel, tag, time } from '../parts.js';

/** @type {import('../app.js').Page} */
export const monitoredPage = {
  section: 'monitor',
  title: ([model]) => `Monitor ${model}`,
  async load([model], signal) {
    const path = `/monitor/${encodeURIComponent(model ?? '')}`;
    const [status, { predictions }] = await Promise.all([
      get(path, signal),
      get(`${path}/predictions?limit=25`, signal),
    ]);
    return { ...status, predictions };
  },
  affectedBy: (event, [model]) =>
    /^ml\.(monitor|drift|inference|model)\./.test(event.type) && event.key === model,
  pollMs: 5_000,
  view({ models, reports, predictions }, context) {
    const { params, state, update } = context;
    const [name = ''] = params;
    const current = models[0];
    const report = reports.find((/** @type {any} */ item) => item.reportId === state.reportId) ?? reports[0];
    return [
      h(
        'div',
        { class: 'head' },
        crumb(h('a', { href: '#/monitor' }, 'Monitor'), name),
        h('h1', null, name),
        current && h('a', { href: href('models', name) }, tag(`version ${current.version}`, 'accent')),
        h(
          'div',
          { class: 'controls push' },
          h('span', { role: 'status', class: 'soft' }, state.said ?? ''),
          h(
            'button',
            {
              type: 'button',
              class: 'primary',
              disabled: state.busy,
              onclick: () => void reportNow(name, context),
            },
            state.busy ? 'Reporting …' : 'Report now',
          ),
        ),
      ),
      state.failure && problem(state.failure, 'warn'),
      current &&
        cards([
          ['captured', number(current.captured)],
          ['labelled', number(current.labelled)],
          ['dropped', number(current.dropped)],
          ['lost batches', number(current.lostBatches)],
          ['labels waiting', number(current.waitingLabels)],
        ]),
      report
        ? reportPanels(report)
        : h(
            'section',
            { class: 'panel' },
            empty(
              'There is no report yet. One is made after enough predictions, after some time, or now by the button above.',
            ),
          ),
      reports.length > 0 &&
        tablePanel(
          'Reports',
          null,
          reportTable(reports, report, (/** @type {string} */ id) => {
            state.reportId = id;
            update();
          }),
        ),
      tablePanel(
        'Recent predictions',
        predictions.length > 0 ? 'newest first' : null,
        predictions.length > 0
          ? h('div', { class: 'feed', tabindex: 0 }, predictionTable(predictions))
          : empty('No prediction was captured yet.'),
      ),
    ]
      .flat()
      .filter(Boolean);
  },
};

/** @param {string} model @param {import('../app.js').Context} context */
async function reportNow(model, { state, update, reload }) {
  Object.assign(state, { busy: true, failure: undefined, said: '' });
  update();
  try {
    const { report } = await post(`/monitor/${encodeURIComponent(model)}/report`, {});
    Object.assign(state, {
      reportId: report.reportId,
      said: `Reported on ${plural(report.predictions, 'prediction')}`,
    });
  } catch (error) {
    state.failure = error;
  }
  state.busy = false;
  await reload();
}

/** @param {any} report */
function reportPanels(report) {
  const drift = report.datasetDrift;
  return [
    report.alerts.length > 0 &&
      h(
        'div',
        { class: 'notice warn' },
        h(
          'ul',
          { class: 'plain' },
          report.alerts.map((/** @type {string} */ alert) => h('li', null, alert)),
        ),
      ),
    h(
      'section',
      { class: 'panel flush' },
      h(
        'div',
        { class: 'panel-head' },
        h('h2', null, 'Drift'),
        drift && tag(drift.drifted ? 'data set drifted' : 'no data-set drift', drift.drifted ? 'bad' : 'ok'),
        h(
          'p',
          { class: 'soft' },
          `${drift ? `${drift.driftedColumns} of ${plural(drift.testedColumns, 'column')} drifted (limit ${percent(drift.threshold)}); ` : ''}${plural(report.predictions, 'prediction')} of v${report.version}, `,
          time(report.windowEndMs),
        ),
      ),
      driftTable(report.columns),
    ),
    qualityPanel(report),
  ];
}

/** @param {any[]} columns */
function driftTable(columns) {
  return table(
    'Each column against its reference',
    [
      { label: 'Column' },
      { label: 'Role' },
      { label: 'Drift' },
      { label: 'Method' },
      { label: 'Score', num: true },
      { label: 'Threshold', num: true },
      { label: 'Missing, reference → now', num: true },
      { label: 'Out of range', num: true },
      { label: 'New categories' },
    ],
    columns.map((column) => [
      h('span', { class: 'wrap' }, column.name),
      column.role,
      column.status === 'ok'
        ? tag(column.drifted ? 'drifted' : 'stable', column.drifted ? 'bad' : 'ok')
        : h(
            'span',
            { class: 'tags' },
            tag(column.status, 'warn'),
            column.message && h('span', { class: 'soft' }, column.message),
          ),
      column.method,
      column.status === 'ok' ? real(column.score) : '',
      column.status === 'ok' ? plain(column.threshold) : '',
      h('span', null, `${percent(column.referenceMissingShare)} → ${percent(column.missingShare)}`),
      column.type === 'numeric' ? percent(column.outOfRangeShare) : '',
      newCategories(column.newCategories),
    ]),
  );
}

/** @param {any} report */
function qualityPanel(report) {
  const names = Object.keys(report.quality).sort();
  if (names.length === 0) {
    return h(
      'section',
      { class: 'panel' },
      h('h2', null, 'Quality'),
      h(
        'p',
        { class: 'soft' },
        'No labels yet: quality is measured once the truth about some predictions has come.',
      ),
    );
  }
  return tablePanel(
    'Quality',
    `on ${plural(report.labelled, 'labelled prediction')}, beside the mean over the folds at training`,
    table(
      'Quality in production and at training',
      [
        { label: 'Metric' },
        { label: 'In production', num: true },
        { label: 'At training', num: true },
        { label: 'Difference', num: true },
      ],
      names.map((name) => {
        const now = report.quality[name];
        const then = report.baseline[name];
        return [
          name,
          real(now),
          real(then),
          then === undefined ? '' : `${now >= then ? '+' : '−'}${real(Math.abs(now - then))}`,
        ];
      }),
    ),
  );
}

/** @param {any[]} reports @param {any} shown @param {(id: string) => void} choose */
function reportTable(reports, shown, choose) {
  return table(
    'Reports, newest first',
    [
      { label: 'Report' },
      { label: 'Trigger' },
      { label: 'Version', num: true },
      { label: 'Predictions', num: true },
      { label: 'Labelled', num: true },
      { label: 'Drift' },
      { label: 'Alerts', num: true },
      { label: 'Window end', num: true },
      { label: 'Details', num: true },
    ],
    reports.map((report) => [
      shortId(report.reportId, 20),
      report.trigger.replace('_', ' '),
      `v${report.version}`,
      number(report.predictions),
      number(report.labelled),
      report.datasetDrift
        ? tag(report.datasetDrift.drifted ? 'drifted' : 'stable', report.datasetDrift.drifted ? 'bad' : 'ok')
        : '',
      report.alerts.length > 0 ? tag(String(report.alerts.length), 'warn') : '0',
      h('span', { class: 'nowrap' }, moment(report.windowEndMs)),
      h(
        'button',
        {
          type: 'button',
          class: 'quiet',
          disabled: report === shown,
          'aria-pressed': report === shown ? 'true' : 'false',
          onclick: () => choose(report.reportId),
        },
        report === shown ? 'shown' : 'show',
      ),
    ]),
  );
}

/** A multi-label row without labels, as text. */
const noLabels = '[]';

/** @param {string} label */
const labelShown = (label) => (label === noLabels ? 'no label' : label);

/** @param {any[]} predictions */
function predictionTable(predictions) {
  const names = Object.keys(predictions[0]?.row ?? {});
  return table(
    'Recent predictions',
    [
      { label: 'Time' },
      { label: 'Predicted' },
      { label: 'Confidence', num: true },
      { label: 'Truth' },
      ...names.map((name) => ({ label: name })),
    ],
    predictions.map((prediction) => {
      const multilabel = prediction.labels.length > 0 || prediction.label === noLabels;
      const classification = multilabel || prediction.outputs.length > 1;
      return [
        h('span', { class: 'nowrap', title: prediction.predictionId }, clock(prediction.timeMs)),
        classification ? labelShown(prediction.label) : number(Number(prediction.label)),
        classification && !multilabel ? percent(Math.max(...prediction.outputs)) : '',
        prediction.truth === null
          ? ''
          : classification
            ? tag(labelShown(prediction.truth), prediction.truth === prediction.label ? 'ok' : 'bad')
            : prediction.truth,
        ...names.map((name) => cell(prediction.row[name])),
      ];
    }),
  );
}

/** @param {Record<string, number>} counts */
function newCategories(counts) {
  const entries = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  if (entries.length === 0) return '';
  const more = entries.length > 5 ? ` and ${entries.length - 5} more` : '';
  return h(
    'span',
    { class: 'wrap' },
    entries
      .slice(0, 5)
      .map(([category, count]) => `${category} (${number(count)})`)
      .join(', '),
    more,
  );
}
