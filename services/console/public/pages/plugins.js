// @ts-check
import { get } from '../api.js';
import { h } from '../dom.js';
import { empty, problem, shortId, table, tablePanel, tag } from '../parts.js';

const tones = { loads: 'ok', checking: 'info', fails: 'bad' };

/** @type {import('../app.js').Page} */
export const pluginsPage = {
  section: 'plugins',
  title: () => 'Plug-ins',
  load: (_, signal) => get('/plugins', signal),
  // The list is that of the service's start: what changes is only what was still being loaded.
  pollMs: 5_000,
  view({ plugins }) {
    const failing = plugins.filter((/** @type {any} */ plugin) => plugin.error);
    return [
      h(
        'div',
        { class: 'head' },
        h('h1', null, 'Plug-ins'),
        plugins.length > 0 &&
          tag(
            failing.length === 0
              ? `${plugins.length} allowed`
              : `${failing.length} of ${plugins.length} can't be used`,
            failing.length === 0 ? 'accent' : 'bad',
          ),
      ),
      failing.map((/** @type {any} */ { error }) => problem(error, 'warn')),
      plugins.length === 0
        ? empty(
            'No plug-in is allowed.',
            h('p', { class: 'soft' }, 'ROOKERY_PLUGINS lists the packages that a request may name.'),
          )
        : tablePanel(
            'Allowed',
            'what a request may name, as transform found it at its start',
            pluginTable(plugins),
          ),
    ].flat();
  },
};

/** @param {any[]} plugins */
function pluginTable(plugins) {
  return table(
    'Plug-ins that a request may name',
    [
      { label: 'Plug-in' },
      { label: 'Version' },
      { label: 'Kind' },
      { label: 'State' },
      { label: 'Used for' },
      { label: 'sha256' },
    ],
    plugins.map((plugin) => [
      h('span', { class: 'wrap' }, plugin.name),
      plugin.version,
      plugin.tasks.length > 0 ? `${plugin.kind}: ${plugin.tasks.join(', ')}` : plugin.kind,
      tag(plugin.state, /** @type {Record<string, string>} */ (tones)[plugin.state]),
      plugin.forNewRuns ? 'new runs' : plugin.version ? 'models that were trained with it' : '',
      plugin.sha256 ? shortId(plugin.sha256, 16) : '',
    ]),
  );
}
