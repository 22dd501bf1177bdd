// @ts-check
import { get } from '../api.js';
import { bar } from '../charts.js';
import { h } from '../dom.js';
import { duration, number } from '../format.js';
import { empty, href, meanStd, runState, table, tag, time } from '../parts.js';

const pageSize = 50;
const states = ['training', 'evaluated', 'promoted', 'rejected', 'failed', 'cancelled'];

/** @type {import('../app.js').Page} */
export const runsPage = {
  section: 'runs',
  title: () => 'Runs',
  async load(_, signal, state) {
    const offset = state.offset ?? 0;
    const { runs } = await get(
      `/runs?limit=${pageSize}&offset=${offset}${state.model ? `&model=${encodeURIComponent(state.model)}` : ''}`,
      signal,
    );
    state.models = [...new Set([...(state.models ?? []), ...runs.map((/** @type {any} */ run) => run.model)])]
      .filter(Boolean)
      .sort();
    return { runs, offset };
  },
  affectedBy: ({ type }) => /^ml\.(run|fold|model|inference|dataset)\./.test(type),
  shares(data, shares) {
    for (const share of shares) {
      const run = data.runs.find((/** @type {any} */ item) => item.runId === share.runId);
      if (run) run.live = share;
    }
  },
  view({ runs, offset }, { state, update, reload }) {
    const shown = runs.filter((/** @type {any} */ run) => !state.only || run.state === state.only);
    const turn = (/** @type {number} */ by) => () => {
      state.offset = Math.max(0, offset + by);
      void reload();
    };
    return [
      h(
        'div',
        { class: 'head' },
        h('h1', null, 'Runs'),
        h(
          'div',
          { class: 'controls push' },
          choice('Model', state.models, state.model, (value) => {
            state.model = value;
            state.offset = 0;
            void reload();
          }),
          choice('State', states, state.only, (value) => {
            state.only = value;
            update();
          }),
        ),
      ),
      runs.length === 0 && offset === 0
        ? h(
            'section',
            { class: 'panel' },
            empty(
              'No run yet. Publish a data set and it appears here:',
              h('pre', { class: 'mono' }, 'npx rookery publish data/penguins.csv --target species'),
            ),
          )
        : shown.length === 0
          ? h('section', { class: 'panel' }, empty('No run on this page has that state.'))
          : h('section', { class: 'panel flush' }, runTable(shown)),
      h(
        'div',
        { class: 'controls' },
        offset > 0 && h('button', { type: 'button', onclick: turn(-pageSize) }, 'Newer'),
        runs.length === pageSize && h('button', { type: 'button', onclick: turn(pageSize) }, 'Older'),
      ),
    ];
  },
};

/** @param {any[]} runs */
function runTable(runs) {
  return table(
    'Runs, newest first',
    [
      { label: 'Run' },
      { label: 'State' },
      { label: 'Model' },
      { label: 'Data set' },
      { label: 'Metric, mean ± std', num: true },
      { label: 'Version', num: true },
      { label: 'To serving', num: true },
      { label: 'Backend' },
      { label: 'Started', num: true },
    ],
    runs.map((run) => [
      h('a', { class: 'mono', href: href('runs', run.runId) }, run.runId),
      h(
        'span',
        { class: 'tags' },
        runState(run.state),
        run.state === 'failed' && run.code && tag(run.code, 'bad'),
        run.state === 'training' && progressOf(run),
      ),
      run.model ? h('a', { href: href('models', run.model) }, run.model) : '',
      run.dataset
        ? h(
            'a',
            { href: href('datasets', run.dataset.name, run.dataset.version) },
            `${run.dataset.name} v${run.dataset.version}`,
          )
        : '',
      run.metric
        ? h('span', null, h('span', { class: 'soft' }, `${run.metric.name} `), meanStd(run.metric))
        : '',
      run.version ? h('a', { href: href('models', run.model) }, `v${run.version}`) : '',
      run.publishedToServingMs ? duration(run.publishedToServingMs) : '',
      run.backend,
      time(run.createdAtMs),
    ]),
  );
}

/** @param {any} run */
function progressOf({ live, jobs }) {
  const share =
    live && live.epochs > 0
      ? live.epochsDone / (live.epochs * Math.max(1, jobs.total))
      : jobs.done / Math.max(1, jobs.total);
  return h(
    'span',
    { title: `${number(jobs.done)} of ${number(jobs.total)} jobs` },
    bar(share),
    h('span', { class: 'vh' }, `${Math.round(share * 100)} % trained`),
  );
}

/** @param {string} label @param {string[]} values @param {string | undefined} chosen @param {(value: string) => void} change */
function choice(label, values, chosen, change) {
  return h(
    'select',
    { 'aria-label': label, onchange: (/** @type {any} */ event) => change(event.target.value) },
    h('option', { value: '', selected: !chosen }, `${label}: all`),
    values.map((value) => h('option', { value, selected: value === chosen }, value)),
  );
}
