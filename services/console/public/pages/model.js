// @ts-check
import { get } from '../api.js';
import { h } from '../dom.js';
import { cell, moment, real, size, spread } from '../format.js';
import {
  backend,
  confusion,
  crumb,
  facts,
  href,
  json,
  labelConfusions,
  meanStd,
  panel,
  pluginList,
  shortId,
  table,
  tablePanel,
  tag,
  time,
  trace,
} from '../parts.js';

/** @type {import('../app.js').Page} */
export const modelPage = {
  section: 'models',
  title: ([name]) => name ?? 'Model',
  async load([name], signal) {
    const path = `/models/${encodeURIComponent(name ?? '')}`;
    const [model, history] = await Promise.all([
      get(path, signal),
      // A model without a champion has no history: no reason not to show its versions.
      get(`${path}/history`, signal).catch((error) =>
        error.status === 404 ? { changes: [] } : Promise.reject(error),
      ),
    ]);
    return { ...model, changes: history.changes };
  },
  affectedBy: (event, [name]) => event.type.startsWith('ml.model.') && event.key === name,
  view({ model, versions, changes }, { state, update }) {
    const champion = model.aliases.find((/** @type {any} */ alias) => alias.alias === 'champion')?.version;
    const chosen =
      versions.find((/** @type {any} */ version) => version.version === (state.version ?? champion)) ??
      versions[0];
    return [
      h(
        'div',
        { class: 'head' },
        crumb(h('a', { href: '#/models' }, 'Models'), model.name),
        h('h1', null, model.name),
        h(
          'span',
          { class: 'tags' },
          model.aliases.map((/** @type {any} */ alias) =>
            tag(`${alias.alias} → v${alias.version}`, 'accent'),
          ),
        ),
        h('a', { class: 'push', href: href('monitor', model.name) }, 'Monitor'),
      ),
      tablePanel(
        'Versions',
        null,
        versionTable(versions, chosen, (/** @type {number} */ version) => {
          state.version = version;
          update();
        }),
      ),
      chosen && versionPanels(chosen),
      tablePanel('Champion history', 'newest first', historyTable(changes)),
    ]
      .flat()
      .filter(Boolean);
  },
};

/** @param {any[]} versions @param {any} chosen @param {(version: number) => void} choose */
function versionTable(versions, chosen, choose) {
  return table(
    'Versions, newest first',
    [
      { label: 'Version' },
      { label: 'Aliases' },
      { label: 'Metric, mean ± std', num: true },
      { label: 'Data set' },
      { label: 'Run' },
      { label: 'Backend' },
      { label: 'Created', num: true },
      { label: 'Details', num: true },
    ],
    versions.map((version) => [
      `v${version.version}`,
      version.aliases.length > 0 || version.refusals.length > 0
        ? h(
            'span',
            { class: 'tags' },
            version.aliases.map((/** @type {string} */ alias) => tag(alias, 'accent')),
            version.refusals.length > 0 && tag(`refused by ${version.refusals.length}`, 'bad'),
          )
        : '',
      version.metric
        ? h('span', null, h('span', { class: 'soft' }, `${version.metric.name} `), meanStd(version.metric))
        : '',
      version.lineage
        ? h(
            'a',
            { href: href('datasets', version.lineage.datasetName, version.lineage.datasetVersion) },
            `${version.lineage.datasetName} v${version.lineage.datasetVersion}`,
          )
        : '',
      h('a', { class: 'mono', href: href('runs', version.runId) }, version.runId),
      version.lineage?.environment?.backend ?? '',
      time(version.createdAtMs),
      h(
        'button',
        {
          type: 'button',
          class: 'quiet',
          'aria-pressed': version === chosen ? 'true' : 'false',
          disabled: version === chosen,
          onclick: () => choose(version.version),
        },
        version === chosen ? 'shown' : `show v${version.version}`,
      ),
    ]),
  );
}

/** @param {any} version */
function versionPanels(version) {
  const { lineage, signature } = version;
  return [
    version.refusals.map((/** @type {any} */ refusal) =>
      h(
        'div',
        { class: 'notice bad' },
        h(
          'p',
          null,
          h('b', { class: 'mono' }, refusal.code),
          ` ${refusal.replica ? `replica ${refusal.replica}` : refusal.stage}`,
        ),
        refusal.reasons.map((/** @type {string} */ reason) => h('p', { class: 'soft' }, reason)),
      ),
    ),
    h(
      'div',
      { class: 'grid' },
      h('div', null, metricsPanel(version), signature && signaturePanel(version)),
      h(
        'div',
        null,
        lineage && lineagePanel(version),
        version.confusion && panel('Confusion matrix, held-out rows', confusion(version.confusion)),
        version.labelConfusions.length > 0 &&
          tablePanel('Labels, held-out rows', null, labelConfusions(version.labelConfusions)),
        panel('Input example', h('pre', { tabindex: 0 }, JSON.stringify(version.inputExample, null, 2))),
      ),
    ),
  ].flat();
}

/** @param {any} version */
function metricsPanel({ version, metrics }) {
  return tablePanel(
    `Version ${version}: metrics`,
    'mean and standard deviation over the folds',
    table(
      'Metrics',
      [{ label: 'Metric' }, { label: 'Mean', num: true }, { label: 'Std', num: true }],
      metrics.map((/** @type {any} */ metric) => [
        metric.name,
        real(metric.mean),
        spread(metric.std, metric.mean),
      ]),
    ),
  );
}

/** @param {any} version */
function lineagePanel({ lineage, packageSha256, packageBytes, createdAtMs }) {
  const { environment } = lineage;
  return panel(
    'Lineage',
    facts([
      [
        'Data set',
        h(
          'a',
          { href: href('datasets', lineage.datasetName, lineage.datasetVersion) },
          `${lineage.datasetName} v${lineage.datasetVersion}`,
        ),
      ],
      ['Data sha256', shortId(lineage.datasetSha256, 16)],
      ['Source', h('span', { class: 'mono' }, lineage.sourceUri)],
      ['Folds', `${lineage.folds}${lineage.stratified ? ', stratified' : ''}`],
      ['Seed', h('span', { class: 'mono' }, lineage.seed)],
      ['Request', shortId(lineage.requestEventId, 28)],
      ['Trace', trace(lineage.traceId)],
      ['Package', [shortId(packageSha256, 16), ` ${size(packageBytes)}`]],
      ['Created', moment(createdAtMs)],
      ['Backend', environment && backend(environment)],
      ['Node', environment && `${environment.nodeVersion} on ${environment.platform}`],
      ['Code', environment?.codeVersion && h('span', { class: 'mono' }, environment.codeVersion)],
      ['Plug-ins', pluginList(lineage.plugins)],
    ]),
    lineage.modelSpec && [
      h('h3', null, lineage.modelSpec.plugin ? 'Model' : 'Network'),
      json(lineage.modelSpec, 'Show the model spec'),
    ],
  );
}

/** @param {any} version */
function signaturePanel({ signature, inputExample }) {
  const { task, target, classes, features, labelThreshold, labelThresholds } = signature;
  // The columns of labels are what is predicted: they are not told twice.
  const labels = classes.length > 0 && classes.join(', ') !== target ? `: ${classes.join(', ')}` : '';
  const each = labelThresholds.map(
    (/** @type {number} */ threshold, /** @type {number} */ k) =>
      `${classes[k]} ${Number(threshold.toFixed(4))}`,
  );
  const limit = each.length > 0 ? `its own (${each.join(', ')})` : labelThreshold;
  const above = labelThreshold === null ? '' : `, each where its probability is above ${limit}`;
  return tablePanel(
    'Signature',
    `${task}, predicts ${target}${labels}${above}`,
    table(
      'Features',
      [{ label: 'Feature' }, { label: 'Type' }, { label: 'Categories' }, { label: 'Example', num: true }],
      features.map((/** @type {any} */ feature) => {
        const more = feature.categories.length > 8 ? ` and ${feature.categories.length - 8} more` : '';
        return [
          h('span', { class: 'nowrap' }, feature.name),
          feature.type,
          feature.categories.length > 0
            ? h('span', { class: 'wrap' }, feature.categories.slice(0, 8).join(', '), more)
            : '',
          feature.name in inputExample ? cell(inputExample[feature.name]) : '',
        ];
      }),
    ),
  );
}

/** @param {any[]} changes */
function historyTable(changes) {
  const newest = [...changes].sort((a, b) => b.revision - a.revision);
  return table(
    'Moves of the champion alias',
    [
      { label: 'Revision' },
      { label: 'Version' },
      { label: 'Who' },
      { label: 'Why' },
      { label: 'Run' },
      { label: 'When', num: true },
    ],
    newest.map((change) => [
      `#${change.revision}`,
      h(
        'span',
        { class: 'nowrap' },
        change.previousVersion ? `v${change.previousVersion} → v${change.version}` : `v${change.version}`,
      ),
      h('span', { class: 'wrap' }, change.actor),
      h('span', { class: 'wrap' }, change.reasons.join(' ')),
      change.runId ? h('a', { class: 'mono', href: href('runs', change.runId) }, change.runId) : '',
      h('span', { class: 'nowrap' }, moment(change.timeMs)),
    ]),
  );
}
