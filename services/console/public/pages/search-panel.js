// @ts-check
import { curve } from '../charts.js';
import { h } from '../dom.js';
import { number, plural, real } from '../format.js';
import { table, tag } from '../parts.js';

const tones = { searching: 'info', completed: 'ok', failed: 'bad', cancelled: 'warn' };

/** The search of a run: what it tries, its best so far, and its trials with the most promising first. @param {any} search */
export function searchPanel(search) {
  const { metric, best, attempts, begun } = search;
  const halved = search.rungs.length > 0;
  return h(
    'section',
    { class: 'panel flush' },
    h(
      'h2',
      null,
      'Search ',
      tag(search.state, /** @type {Record<string, string>} */ (tones)[search.state] ?? ''),
    ),
    h(
      'p',
      { class: 'soft lead' },
      `${search.strategy}, ${plural(search.trials, 'trial')} × ${plural(search.folds, 'fold')}`,
      halved && `, rungs of ${search.rungs.join(', ')} epochs`,
      `; ${search.ended} of ${begun} trainings ended`,
      best && h('span', null, '; best: ', h('b', null, `trial ${best.trial}, ${metric} ${real(best.score)}`)),
    ),
    search.bestSoFar.length > 1 &&
      h(
        'p',
        { class: 'lead' },
        h(
          'span',
          { class: 'curve' },
          curve({
            values: search.bestSoFar,
            total: search.bestSoFar.length,
            name: `best ${metric}`,
            unit: 'trials',
            width: 260,
            height: 44,
          }),
          h('span', { class: 'soft' }, `best ${metric} by trial`),
        ),
      ),
    table(
      'Trials of the search, the most promising first',
      [
        { label: 'Trial' },
        ...(halved ? [{ label: 'Rung', num: true }] : []),
        { label: 'Epochs', num: true },
        { label: metric, num: true },
        { label: 'Settings' },
        { label: 'State' },
      ],
      attempts.map((/** @type {any} */ attempt) => [
        h('span', { class: 'nowrap' }, `trial ${attempt.trial}`),
        ...(halved ? [String(attempt.rung)] : []),
        number(attempt.epochs),
        attempt.score === null ? '' : real(attempt.score),
        h(
          'span',
          { class: 'settings' },
          attempt.settings.map((/** @type {any} */ setting) =>
            h('span', { class: 'mono' }, h('span', { class: 'soft' }, `${setting.name}=`), setting.value),
          ),
        ),
        attempt.status === 'failed'
          ? h('span', { title: attempt.message }, tag(attempt.code || 'failed', 'bad'))
          : tag(
              attempt.trial === best?.trial && search.state === 'completed' ? 'best' : attempt.status,
              attempt.status === 'running' ? 'info' : 'ok',
            ),
      ]),
    ),
    begun > attempts.length &&
      h('p', { class: 'soft lead' }, `${begun - attempts.length} more are not shown.`),
  );
}
