// @ts-check
import { get, post } from '../api.js';
import { curve } from '../charts.js';
import { h } from '../dom.js';
import { duration, moment, number, plain, real, spread } from '../format.js';
import {
  backend,
  cards,
  confusion,
  crumb,
  facts,
  href,
  json,
  labelConfusions,
  panel,
  pluginList,
  problem,
  runState,
  shortId,
  table,
  tablePanel,
  tag,
  time,
  trace,
} from '../parts.js';
import { searchPanel } from './search-panel.js';

/** @type {import('../app.js').Page} */
export const runPage = {
  section: 'runs',
  title: ([runId]) => runId ?? 'Run',
  load: ([runId], signal) => get(`/runs/${encodeURIComponent(runId ?? '')}`, signal),
  watchRun: ([runId]) => runId ?? '',
  affectedBy: (event, [runId]) => event.key === runId || /^ml\.(model|inference)\./.test(event.type),
  progress(run, points) {
    for (const point of points) {
      const job = run.folds.find((/** @type {any} */ item) => item.fold === point.fold);
      if (!job || job.history) continue;
      job.live ??= { epochs: point.epochs, metricName: point.metricName, loss: [], metric: [] };
      if (job.state === 'queued') job.state = 'training';
      // A job that is done again starts at its first epoch again.
      job.live.loss.length = Math.min(job.live.loss.length, point.epoch - 1);
      job.live.metric.length = job.live.loss.length;
      while (job.live.loss.length < point.epoch) {
        job.live.loss.push(point.loss);
        job.live.metric.push(point.metric);
      }
    }
  },
  view(run, context) {
    const took = run.endedAtMs ? run.endedAtMs - run.createdAtMs : null;
    return [
      h(
        'div',
        { class: 'head' },
        crumb(h('a', { href: '#/runs' }, 'Runs'), run.runId),
        h('h1', null, run.model || run.runId),
        runState(run.state),
        run.version && h('a', { href: href('models', run.model) }, tag(`version ${run.version}`, 'accent')),
        run.attempt > 1 && tag(`attempt ${run.attempt}`),
        h('span', { class: 'soft push' }, 'started ', time(run.createdAtMs)),
        turns(run, context),
      ),
      context.state.failure && problem(context.state.failure),
      steps(run),
      run.state === 'failed' &&
        problem({ code: run.code, message: run.message || run.reasons.join(' '), hint: run.hint }),
      run.state === 'cancelled' &&
        h(
          'div',
          { class: 'notice warn' },
          h('p', null, h('b', null, 'Run ', run.message || 'cancelled')),
          h('p', { class: 'soft' }, 'What was trained stays; nothing of it is promoted.'),
        ),
      run.verdict && run.state !== 'cancelled'
        ? verdict(run)
        : run.reasons.length > 0 &&
          run.state !== 'failed' &&
          run.state !== 'cancelled' &&
          h(
            'div',
            { class: 'notice warn' },
            run.reasons.map((/** @type {string} */ reason) => h('p', null, reason)),
          ),
      cards([
        ...run.metrics
          .slice(0, 3)
          .map((/** @type {any} */ metric) => [
            metric.name,
            [real(metric.mean), h('small', null, ` ± ${spread(metric.std, metric.mean)}`)],
          ]),
        ['published to serving', duration(run.publishedToServingMs)],
        ['run time', duration(took)],
        ['backend', run.backend || '–'],
      ]),
      run.search && searchPanel(run.search),
      (run.folds.length > 0 || !run.search) && tablePanel('Folds', null, foldTable(run)),
      h(
        'div',
        { class: 'grid' },
        h(
          'div',
          null,
          run.metrics.length > 0 &&
            h(
              'section',
              { class: 'panel flush' },
              h('h2', null, 'Metrics over the folds'),
              table(
                'Mean and standard deviation of each metric',
                [{ label: 'Metric' }, { label: 'Mean', num: true }, { label: 'Std', num: true }],
                run.metrics.map((/** @type {any} */ metric) => [
                  metric.name,
                  real(metric.mean),
                  spread(metric.std, metric.mean),
                ]),
              ),
            ),
          run.plan && planPanel(run),
          run.changes.length > 0 && historyPanel(run),
        ),
        h(
          'div',
          null,
          run.confusion && panel('Confusion matrix, held-out rows', confusion(run.confusion)),
          run.labelConfusions.length > 0 &&
            tablePanel('Labels, held-out rows', null, labelConfusions(run.labelConfusions)),
          lineagePanel(run),
        ),
      ),
    ].filter(Boolean);
  },
};

/**
 * The turn that the state of the run allows. Cancelling is asked twice: it can't be undone.
 * @param {any} run @param {import('../app.js').Context} context
 */
function turns(run, context) {
  const { state, update } = context;
  const button = (/** @type {string} */ label, /** @type {() => void} */ onclick, tone = '') =>
    h('button', { type: 'button', class: tone || undefined, disabled: state.busy, onclick }, label);
  if (run.state === 'failed')
    return button(state.busy ? 'Resuming…' : 'Resume', () => void turn(run.runId, 'resume', context));
  if (run.state !== 'training' && run.state !== 'evaluated') return null;
  const sure = (/** @type {boolean} */ value) => () => {
    state.sure = value;
    update();
  };
  if (!state.sure) return button('Cancel run', sure(true));
  return h(
    'span',
    { class: 'controls', role: 'group', 'aria-label': 'Cancel this run for good?' },
    button(
      state.busy ? 'Cancelling…' : 'Yes, cancel for good',
      () => void turn(run.runId, 'cancel', context),
      'danger',
    ),
    button('Keep it', sure(false)),
  );
}

/** @param {string} runId @param {'resume' | 'cancel'} what @param {import('../app.js').Context} context */
async function turn(runId, what, { state, update, reload }) {
  Object.assign(state, { busy: true, failure: undefined });
  update();
  try {
    await post(`/runs/${encodeURIComponent(runId)}/${what}`, {});
  } catch (error) {
    state.failure = error;
  }
  Object.assign(state, { busy: false, sure: false });
  await reload();
}

/** @param {any} run */
function historyPanel({ changes }) {
  return panel(
    'Attempts',
    h(
      'ul',
      { class: 'plain' },
      changes.map((/** @type {any} */ change) =>
        h(
          'li',
          null,
          h('b', null, `Attempt ${change.attempt} ${change.kind}`),
          change.actor && ` by ${change.actor}`,
          ' ',
          time(change.timeMs),
          (change.code || change.reason) &&
            h(
              'div',
              { class: 'soft' },
              change.code && h('span', { class: 'mono' }, change.code, ' '),
              change.message || change.reason,
            ),
        ),
      ),
    ),
  );
}

/** @param {any} run */
function steps(run) {
  const { state, jobs, verdict: judged, publishedToServingMs, search } = run;
  const failed = state === 'failed' || state === 'cancelled';
  const trained = jobs.total > 0 && jobs.done === jobs.total;
  /** @type {Array<[string, string]>} */
  const list = [
    ...(search
      ? /** @type {Array<[string, string]>} */ ([
          [
            `searched ${search.endedTrials}/${search.trials}`,
            search.state === 'completed' ? 'done' : search.state === 'searching' && !failed ? 'now' : 'bad',
          ],
        ])
      : []),
    ['planned', run.plan ? 'done' : search?.state === 'searching' ? '' : failed ? 'bad' : 'now'],
    [
      jobs.total > 0 ? `trained ${jobs.done}/${jobs.total}` : 'trained',
      trained ? 'done' : failed ? 'bad' : run.plan ? 'now' : '',
    ],
    ['evaluated', judged ? 'done' : failed ? '' : trained ? 'now' : ''],
    state === 'rejected' || state === 'cancelled'
      ? [state, 'bad']
      : ['promoted', state === 'promoted' ? 'done' : judged && !failed ? 'now' : ''],
    ...(state === 'rejected' || state === 'cancelled'
      ? []
      : /** @type {Array<[string, string]>} */ ([
          ['serving', publishedToServingMs ? 'done' : state === 'promoted' ? 'now' : ''],
        ])),
  ];
  return h(
    'ol',
    { class: 'steps', 'aria-label': 'Progress of the run' },
    list.map(([label, status]) => h('li', { 'data-state': status || undefined }, label)),
  );
}

/** @param {any} run */
function verdict({ verdict: judged, state, reasons }) {
  const good = judged.passed && state !== 'rejected';
  const rule = judged.threshold === null ? '' : `, threshold ${plain(judged.threshold)}`;
  const all = [...new Set([...judged.reasons, ...reasons])];
  return h(
    'div',
    { class: `notice ${good ? 'ok' : 'warn'}` },
    h(
      'p',
      null,
      h('b', null, judged.passed ? 'Gate passed' : 'Gate not passed'),
      ` with ${judged.metric} ${real(judged.value)}${rule}`,
    ),
    all.map((reason) => h('p', { class: 'soft' }, reason)),
  );
}

/** @param {any} run */
function foldTable(run) {
  const first =
    run.metrics[0]?.name ??
    Object.keys(
      run.folds.find((/** @type {any} */ job) => Object.keys(job.metrics).length > 0)?.metrics ?? {},
    )[0];
  const metricName =
    run.folds.map((/** @type {any} */ job) => (job.history ?? job.live)?.metricName).find(Boolean) ??
    'metric';
  return table(
    'One row a fold',
    [
      { label: 'Fold' },
      { label: 'State' },
      { label: 'Loss by epoch' },
      { label: `Training ${metricName} by epoch` },
      { label: first ? `Held-out ${first}` : 'Held-out', num: true },
      { label: 'Rows', num: true },
      { label: 'Time', num: true },
      { label: 'Worker' },
    ],
    run.folds.map((/** @type {any} */ job) => {
      const shown = job.history ?? job.live;
      const total = job.live?.epochs ?? shown?.loss.length ?? 0;
      return [
        h('span', { class: 'nowrap' }, job.final ? 'final, all rows' : `fold ${job.fold + 1}`),
        h(
          'span',
          { class: 'tags' },
          tag(job.state, job.state === 'queued' ? '' : job.state === 'training' ? 'info' : 'ok'),
          job.live && h('span', { class: 'soft' }, `${job.live.loss.length}/${job.live.epochs}`),
        ),
        // A plug-in that tells of no epoch has no curve.
        shown && shown.loss.length > 0
          ? h(
              'span',
              { class: 'curve' },
              curve({ values: shown.loss, total, name: 'loss' }),
              h('b', null, real(shown.loss.at(-1))),
              stopText(job.history),
            )
          : '',
        shown && shown.metric.length > 0
          ? h(
              'span',
              { class: 'curve' },
              curve({ values: shown.metric, total, name: metricName, second: true }),
              h('b', null, real(shown.metric.at(-1))),
            )
          : '',
        first && job.metrics[first] !== undefined ? real(job.metrics[first]) : '',
        job.rows ? number(job.rows) : '',
        job.durationMs ? duration(job.durationMs) : '',
        job.worker ? h('span', { class: 'mono soft' }, job.worker) : '',
      ];
    }),
  );
}

/** Where early stopping ended a fit, and which epoch it kept. @param {any} history */
function stopText(history) {
  if (!history?.bestEpoch || (!history.stoppedEpoch && history.bestEpoch === history.epochsRun)) return '';
  const held = history.valLoss.length > 0 ? `, validation loss ${real(Math.min(...history.valLoss))}` : '';
  const text = `best epoch ${history.bestEpoch} of ${history.epochsRun}${held}`;
  return h('span', { class: 'soft' }, text);
}

/** @param {any} run */
function planPanel({ plan, task }) {
  const { gate } = plan;
  return panel(
    'Plan',
    facts([
      ['Task', task],
      ['Target', plan.target],
      ['Folds', `${plan.folds}${plan.stratified ? ', stratified' : ''}`],
      ['Seed', h('span', { class: 'mono' }, plan.seed)],
      ['Rows', number(plan.rows)],
      [
        'Gate',
        gate &&
          `${gate.metric || 'default metric'}${gate.threshold === null ? '' : `, threshold ${plain(gate.threshold)}`}${gate.allowWorseThanChampion ? ', may be worse than the champion' : ''}`,
      ],
      ['Features', plan.signature?.features.map((/** @type {any} */ feature) => feature.name).join(', ')],
      [
        'Tags',
        Object.entries(plan.tags)
          .map(([name, value]) => `${name}=${value}`)
          .join(', '),
      ],
    ]),
    plan.modelSpec && [
      h('h3', null, plan.modelSpec.plugin ? 'Model' : 'Network'),
      json(plan.modelSpec, 'Show the model spec'),
    ],
  );
}

/** @param {any} run */
function lineagePanel(run) {
  const { plan, dataset, environment } = run;
  return panel(
    'Lineage and environment',
    facts([
      [
        'Data set',
        dataset &&
          h(
            'a',
            { href: href('datasets', dataset.name, dataset.version) },
            `${dataset.name} v${dataset.version}`,
          ),
      ],
      ['Data sha256', plan && shortId(plan.datasetSha256, 16)],
      ['Run', h('span', { class: 'mono' }, run.runId)],
      ['Request', plan && shortId(plan.requestEventId, 28)],
      ['Requested', plan && moment(plan.requestedAtMs)],
      ['Trace', trace(run.traceId)],
      ['Backend', environment && backend(environment)],
      ['Node', environment && `${environment.nodeVersion} on ${environment.platform}`],
      [
        'Code',
        (environment?.codeVersion || plan?.codeVersion) &&
          h('span', { class: 'mono' }, environment?.codeVersion || plan?.codeVersion),
      ],
      ['Plug-ins', plan && pluginList(plan.plugins)],
    ]),
  );
}
