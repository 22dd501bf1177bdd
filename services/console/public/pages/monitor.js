// @ts-check
import { get } from '../api.js';
import { h } from '../dom.js';
import { number } from '../format.js';
import { empty, href, table, tag } from '../parts.js';

/** @type {import('../app.js').Page} */
export const monitorPage = {
  section: 'monitor',
  title: () => 'Monitor',
  load: (_, signal) => get('/monitor', signal),
  affectedBy: ({ type }) => /^ml\.(monitor|drift|inference)\./.test(type),
  pollMs: 5_000,
  view({ models }) {
    return [
      h(
        'div',
        { class: 'head' },
        h('h1', null, 'Monitor'),
        h('p', { class: 'lead' }, 'Predictions in production, compared with what each model was trained on.'),
      ),
      models.length === 0
        ? h(
            'section',
            { class: 'panel' },
            empty('Nothing is watched yet. A model is watched from its promotion on.'),
          )
        : h(
            'section',
            { class: 'panel flush' },
            table(
              'Watched models',
              [
                { label: 'Model' },
                { label: 'Version', num: true },
                { label: 'Captured', num: true },
                { label: 'Labelled', num: true },
                { label: 'Dropped', num: true },
                { label: 'Lost batches', num: true },
                { label: 'Reports' },
              ],
              models.map((/** @type {any} */ model) => [
                h('a', { href: href('monitor', model.model) }, model.model),
                `v${model.version}`,
                number(model.captured),
                number(model.labelled),
                warned(model.dropped),
                warned(model.lostBatches),
                model.lastReportId ? tag('reported', 'ok') : tag('none yet'),
              ]),
            ),
          ),
    ];
  },
};

/** @param {number} count */
function warned(count) {
  return count > 0 ? tag(number(count), 'warn') : '0';
}
