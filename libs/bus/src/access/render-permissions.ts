import { busUserList } from './bus-users.js';
import type { BusUser } from './bus-users.js';
import { permissionsOf } from './permissions.js';

/** The text of docs/contracts/permissions.md: who may do what on the bus. */
export function renderPermissions(): string {
  return [
    '# Permissions on the bus',
    '',
    'Each service logs in to NATS as a user of its own, and may do there what its work needs and nothing else. `client` is the',
    'user of the CLI and of programs that publish data sets, `operator` the one of `rookery dlq`. `rookery nats users` writes the',
    'configuration of nats-server from the same table. This file is written from `libs/bus/src/access/bus-users.ts`; a test holds the',
    'two equal.',
    '',
    '| user | publishes | consumes (durable) | reads again | artifacts | more |',
    '| --- | --- | --- | --- | --- | --- |',
    ...busUserList.map(([name, user]) => row(name, user)),
    '',
    'Answers come in under `_INBOX.<user>.>`, which no other user may subscribe to. Who reads a history may not touch a durable',
    'consumer. Only `registry` creates and changes streams and the bucket of artifacts; the other services wait until it has. Nobody',
    'may purge or delete a stream.',
    '',
    '## Subjects',
    '',
    ...busUserList.flatMap(([name]) => {
      const { publish, denyPublish, subscribe } = permissionsOf(name);
      return [
        `### ${name}`,
        '',
        'Publish:',
        '',
        ...publish.map((subject) => `- \`${subject}\``),
        '',
        ...(denyPublish.length > 0
          ? ['Never publish:', '', ...denyPublish.map((subject) => `- \`${subject}\``), '']
          : []),
        'Subscribe:',
        '',
        ...subscribe.map((subject) => `- \`${subject}\``),
        '',
      ];
    }),
  ].join('\n');
}

function row(name: string, user: BusUser): string {
  const more = [
    ...(user.setsUp ? ['sets up streams and bucket'] : []),
    ...(user.watches ? ['sees every event'] : []),
    ...(user.progress === 'publish' ? ['tells progress'] : []),
    ...(user.progress === 'watch' ? ['sees progress'] : []),
    ...(user.looksUp ? [`looks up the last ${user.looksUp.join(', ')} of a key`] : []),
    ...(user.hears ? [`hears ${user.hears.join(', ')}`] : []),
    ...(user.asksAbout
      ? [`asks how far ${user.asksAbout.map(({ durable }) => `\`${durable}\``).join(', ')} are`]
      : []),
    ...(user.rebuildsFrom ? [`rebuilds its database from ${user.rebuildsFrom.join(', ')}`] : []),
    ...(user.redrives ? ['redrives and drops dead letters: publishes any event'] : []),
  ];
  const cell = (parts: readonly string[]): string => (parts.length === 0 ? '–' : parts.join(', '));
  return `| ${name} | ${cell(user.publishes ?? [])} | ${cell(
    (user.consumes ?? []).map(({ event, durable }) => `${event} (\`${durable}\`)`),
  )} | ${cell(user.reads ?? [])} | ${user.artifacts ?? '–'} | ${cell(more)} |`;
}
