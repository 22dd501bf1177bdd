import { connect } from 'node:net';

import fc from 'fast-check';

import { nastyTexts, nested, textOf } from './nasty.js';

const deadlineMs = 60_000;
const routes = [
  '/',
  '/health',
  '/index.html',
  '/api/v1/settings',
  '/api/v1/runs',
  '/api/v1/runs/KEY',
  '/api/v1/models',
  '/api/v1/models/KEY',
  '/api/v1/models/KEY/history',
  '/api/v1/datasets',
  '/api/v1/datasets/KEY/NUMBER',
  '/api/v1/monitor',
  '/api/v1/monitor/KEY',
  '/api/v1/monitor/KEY/predictions',
  '/api/v1/monitor/KEY/report',
  '/api/v1/system',
  '/api/v1/events',
  '/api/v1/stream',
];
const parameters = ['model', 'name', 'limit', 'offset', 'alias', 'run', 'x', '__proto__'];

/** Any request to the console, as the bytes of HTTP/1.1: known and unknown paths, good and bad heads and bodies. */
export function requestsOf(known: readonly string[], host: string): fc.Arbitrary<Uint8Array> {
  const encoded = (text: string, how: number): string =>
    how === 0 ? encodeURIComponent(text.replace(/[\ud800-\udfff]/g, '?')) : text;
  const part = fc
    .tuple(textOf(known), fc.nat({ max: 4 }))
    .map(([text, how]) => encoded(text, how > 0 ? 0 : 1));
  const path = fc
    .tuple(
      fc.oneof(
        { weight: 8, arbitrary: fc.constantFrom(...routes) },
        textOf(routes).map((text) => `/${text}`),
      ),
      part,
      fc.constantFrom('0', '1', '99', '-1', '1e3', 'x', '99999999999'),
    )
    .map(([route, key, number]) => route.replace('KEY', () => key).replace('NUMBER', number));
  const query = fc
    .array(
      fc.tuple(
        fc.constantFrom(...parameters),
        fc.oneof(part, fc.constantFrom('0', '1', '5', '-1', '1e9', '99999999999999')),
      ),
      { maxLength: 4 },
    )
    .map((pairs) =>
      pairs.length === 0 ? '' : `?${pairs.map(([name, value]) => `${name}=${value}`).join('&')}`,
    );
  const method = fc.oneof(
    { weight: 5, arbitrary: fc.constant('GET') },
    { weight: 3, arbitrary: fc.constant('POST') },
    fc.constantFrom('HEAD', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH', 'get', 'NONE', ''),
  );
  const body = fc.oneof(
    fc.constantFrom(
      '{}',
      '{"version":1}',
      '{"version":-1}',
      '{"version":1e309}',
      '{"version":"1"}',
      '{"__proto__":{"version":1}}',
      '{"constructor":1}',
      '[]',
      'null',
      '',
      '{',
      nested(5000),
      `{"a":${nested(3000)}}`,
      '\u0000',
      'x'.repeat(70_000),
    ),
    fc.json(),
    fc.string({ unit: 'binary' }),
  );
  const header = fc.constantFrom(
    `host: ${host}`,
    'host: evil.example',
    'host: [::1',
    'origin: http://evil.example',
    `origin: http://${host}`,
    'sec-fetch-site: cross-site',
    'content-type: application/json',
    'content-type: application/json; charset=utf-8',
    'content-type: text/plain',
    'content-length: 5',
    'content-length: -1',
    'content-length: 99999999999',
    'content-length: 0x10',
    'transfer-encoding: chunked',
    'transfer-encoding: gzip, chunked',
    'expect: 100-continue',
    'if-none-match: *',
    'last-event-id: __proto__',
    'last-event-id: 99999999999999999999',
    'upgrade: websocket\r\nconnection: upgrade',
    `x-long: ${'x'.repeat(20_000)}`,
    'no-colon',
    ': empty',
    'x-nul: \u0000',
    'traceparent: 00-x-y-z',
    'range: bytes=0-1,2-1',
  );
  const structured = fc
    .tuple(method, path, query, fc.array(header, { maxLength: 5 }), body, fc.nat({ max: 5 }))
    .map(([verb, where, asked, headers, text, how]) => {
      const bytes = Buffer.from(text);
      const plain =
        how > 0 ? [`host: ${host}`, 'content-type: application/json', `content-length: ${bytes.length}`] : [];
      const target = `${where}${asked}`.replace(/[\r\n ]/g, how === 1 ? '' : '%20');
      const head = [`${verb} ${target} HTTP/1.1`, ...plain, ...headers, 'connection: close'].join('\r\n');
      return new Uint8Array(Buffer.concat([Buffer.from(`${head}\r\n\r\n`), bytes]));
    });
  return fc.oneof(
    { weight: 12, arbitrary: structured },
    fc.uint8Array({ maxLength: 300 }),
    fc
      .constantFrom(...nastyTexts)
      .map(
        (text) =>
          new Uint8Array(Buffer.from(`GET /${text} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`)),
      ),
  );
}

/**
 * Sends the bytes on a connection of their own, and throws where the answer is a 5xx, or nothing comes and the connection
 * stays. Gives the status, `closed` where the connection was ended without one, or `stream` where the answer goes on.
 */
export async function sendRequest(address: string, request: Uint8Array): Promise<string> {
  const [host, port] = [
    address.slice(0, address.lastIndexOf(':')),
    Number(address.slice(address.lastIndexOf(':') + 1)),
  ];
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect({ host, port });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the console neither answered nor closed within ${deadlineMs} ms`));
    }, deadlineMs);
    const end = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(text);
    };
    socket.on('connect', () => socket.end(request));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (text.length > 200 || /^HTTP\/1\.1 200 [^]*text\/event-stream/.test(text)) end();
    });
    socket.on('close', end);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
    });
  });
  const status = /^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1];
  if (status === undefined) return 'closed';
  if (status.startsWith('5')) throw new Error(`the console answered ${answer.slice(0, 400)}`);
  return status;
}
