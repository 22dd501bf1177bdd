// @ts-check
import { get } from '../api.js';
import { h } from '../dom.js';
import { number } from '../format.js';
import { empty, href, table, tag, time } from '../parts.js';

/** @type {import('../app.js').Page} */
export const modelsPage = {
  section: 'models',
  title: () => 'Models',
  load: (_, signal) => get('/models', signal),
  affectedBy: ({ type }) => type.startsWith('ml.model.'),
  view({ models }) {
    return [
      h('div', { class: 'head' }, h('h1', null, 'Models')),
      models.length === 0
        ? h(
            'section',
            { class: 'panel' },
            empty('No model is registered yet. A run whose gate is passed registers one.'),
          )
        : h(
            'section',
            { class: 'panel flush' },
            table(
              'Models',
              [
                { label: 'Model' },
                { label: 'Aliases' },
                { label: 'Latest', num: true },
                { label: 'Versions', num: true },
                { label: 'Created', num: true },
                { label: 'Changed', num: true },
              ],
              models.map((/** @type {any} */ model) => [
                h('a', { href: href('models', model.name) }, model.name),
                h(
                  'span',
                  { class: 'tags' },
                  model.aliases.map((/** @type {any} */ alias) =>
                    tag(`${alias.alias} → v${alias.version}`, alias.alias === 'champion' ? 'accent' : ''),
                  ),
                ),
                `v${model.latestVersion}`,
                number(model.versions),
                time(model.createdAtMs),
                time(model.updatedAtMs),
              ]),
            ),
          ),
    ];
  },
};
