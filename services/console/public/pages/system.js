// @ts-check
import { get } from '../api.js';
import { h } from '../dom.js';
import { clock, number } from '../format.js';
import { cards, empty, href, problem, table, tablePanel, tag, time, trace } from '../parts.js';

const feedSize = 100;

/** @type {import('../app.js').Page} */
export const systemPage = {
  section: 'system',
  title: () => 'System',
  async load(_, signal) {
    const [system, { events }] = await Promise.all([get('/system', signal), get('/events', signal)]);
    return { ...system, events: [...events].reverse() };
  },
  affectedBy: ({ type }) => type.startsWith('ml.inference.'),
  event(data, event) {
    if (data.events.some((/** @type {any} */ line) => line.n === event.n)) return;
    data.events.unshift(event);
    data.events.length = Math.min(data.events.length, feedSize);
  },
  pollMs: 5_000,
  view({ services, busConnected, served, servedError, events }) {
    const up = services.filter((/** @type {any} */ service) => service.status === 'SERVING').length;
    const all = up === services.length && busConnected;
    return [
      h(
        'div',
        { class: 'head' },
        h('h1', null, 'System'),
        tag(all ? 'all serving' : `${up} of ${services.length} serving`, all ? 'ok' : 'bad'),
      ),
      h(
        'div',
        { class: 'grid' },
        tablePanel(
          'Services',
          null,
          table(
            'Health of each service',
            [{ label: 'Service' }, { label: 'Health' }, { label: 'Address' }],
            [
              ...services.map((/** @type {any} */ service) => [
                service.name,
                h(
                  'span',
                  { title: service.detail },
                  tag(
                    service.status.toLowerCase().replace('_', ' '),
                    service.status === 'SERVING' ? 'ok' : 'bad',
                  ),
                ),
                h('span', { class: 'mono' }, service.address),
              ]),
              [
                'event bus',
                tag(busConnected ? 'connected' : 'not connected', busConnected ? 'ok' : 'bad'),
                '',
              ],
            ],
          ),
        ),
        h(
          'section',
          { class: 'panel flush' },
          h(
            'div',
            { class: 'panel-head' },
            h('h2', null, 'Served models'),
            served && h('p', { class: 'soft' }, `replica ${served.replica}`),
          ),
          servedError
            ? problem(servedError)
            : served.models.length === 0
              ? empty('No model is served yet.')
              : servedTable(served.models),
        ),
      ),
      served?.capture &&
        cards([
          ['predictions captured', number(served.capture.captured)],
          ['captures published', number(served.capture.published)],
          ['captures waiting', number(served.capture.buffered)],
          ['captures dropped', number(served.capture.dropped)],
        ]),
      tablePanel(
        'Events',
        `the last ${feedSize}, live; captures and labels are left out`,
        events.length === 0
          ? empty('No event yet.')
          : h('div', { class: 'feed', tabindex: 0 }, eventTable(events)),
      ),
    ].filter(Boolean);
  },
};

/** @param {any[]} models */
function servedTable(models) {
  return table(
    'What inference serves',
    [
      { label: 'Model' },
      { label: 'Version', num: true },
      { label: 'Engine' },
      { label: 'Predictions', num: true },
      { label: 'Tensors', num: true },
      { label: 'Loaded', num: true },
    ],
    models.map((model) => [
      h('a', { href: href('models', model.model) }, model.model),
      `v${model.version}`,
      `${model.engine}, ${model.backend}`,
      number(model.predictions),
      number(model.tensors),
      time(model.loadedAtMs),
    ]),
  );
}

/** @param {any[]} events */
function eventTable(events) {
  return table(
    'Events, newest first',
    [{ label: 'Time' }, { label: 'Type' }, { label: 'Key' }, { label: 'From' }, { label: 'Trace' }],
    events.map((event) => [
      h('time', { class: 'nowrap', datetime: new Date(event.timeMs).toISOString() }, clock(event.timeMs)),
      h('span', { class: 'mono' }, event.type),
      keyOf(event),
      h('span', { class: 'soft' }, event.source.replace('/services/', '')),
      trace(event.traceId),
    ]),
  );
}

/** @param {{ key: string }} event */
function keyOf({ key }) {
  if (/^run-[0-9a-f]{16}$/.test(key)) return h('a', { class: 'mono', href: href('runs', key) }, key);
  return key ? h('span', { class: 'mono wrap' }, key) : '';
}
