import * as grpc from '@grpc/grpc-js';
import { errorCodes, RetryableError, RookeryError, TerminalError } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { callUnary, unary } from '../src/index.js';
import { errorMetadata, readErrorMetadata } from '../src/grpc/error-metadata.js';
import { echoServer, memoryLogger } from './echo-service.js';
import type { EchoClient } from './echo-service.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function failing(error: Error, logger = memoryLogger()): Promise<EchoClient> {
  const { server, client } = await echoServer(
    { one: unary<string, string>(() => Promise.reject(error)) },
    { logger },
  );
  closers.push(() => (client.close(), server.server.forceShutdown()));
  return client;
}

function rawCall(client: EchoClient, deadlineMs = 5000): Promise<grpc.ServiceError> {
  return new Promise((resolve, reject) => {
    client.one('x', new grpc.Metadata(), { deadline: Date.now() + deadlineMs }, (error, response) =>
      error === null ? reject(new Error(`answered ${response}`)) : resolve(error),
    );
  });
}

const someCode = Object.keys(errorCodes).find(
  (code) => errorCodes[code as ErrorCode].grpc === 'NOT_FOUND',
) as ErrorCode;

describe('errors over the wire', () => {
  it('fit into their trailers whatever a caller put into them, and leave the connection as it was', async () => {
    const long = '\ufffd'.repeat(40_000);
    const errors = [
      long,
      'é'.repeat(999),
      '🐧'.repeat(5000),
      'a\ud83d',
      `${'x'.repeat(1990)}🐧🐧`,
      '%'.repeat(9000),
    ];
    let at = 0;
    const { server, client } = await echoServer({
      one: unary<string, string>(() => {
        const text = errors[at]!;
        throw new TerminalError(someCode, text, { hint: text, details: { a: text, b: text, c: text } });
      }),
    });
    closers.push(() => (client.close(), server.server.forceShutdown()));
    for (at = 0; at < errors.length; at++) {
      const error = await rawCall(client);
      expect([error.code, error.metadata.get('rookery-error-code')[0]]).toEqual([
        grpc.status.NOT_FOUND,
        someCode,
      ]);
      const trailers = Object.entries(error.metadata.getMap()).map(
        ([, value]) => Buffer.byteLength(value) * 1.4,
      );
      expect(encodeURI(error.details).length + trailers.reduce((sum, size) => sum + size, 0)).toBeLessThan(
        8192,
      );
    }
  });

  it('gives every code of the error table the status of the table, with code, hint and message', async () => {
    let code: ErrorCode = someCode;
    const { server, client } = await echoServer({
      one: unary<string, string>(() => {
        throw new TerminalError(code, `message of ${code}`);
      }),
    });
    closers.push(() => (client.close(), server.server.forceShutdown()));
    for (code of Object.keys(errorCodes) as ErrorCode[]) {
      const error = await rawCall(client);
      expect(grpc.status[error.code]).toBe(errorCodes[code].grpc);
      expect(error.details).toBe(`message of ${code}`);
      expect(error.metadata.get('rookery-error-code')).toEqual([code]);
      expect(readErrorMetadata(error.metadata)?.hint).toBe(errorCodes[code].whatToDo);
    }
  });

  it('rebuilds the error at the caller, with its class, hint and details in any script', async () => {
    const hint = 'Größe prüfen — 100 % ✓';
    const client = await failing(
      new TerminalError(someCode, 'fehlt: größe', { hint, details: { column: 'größe', line: '3' } }),
    );
    const error = await callUnary(client, 'one', 'x').then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(RookeryError);
    expect(error).toMatchObject({
      code: someCode,
      message: 'fehlt: größe',
      hint,
      details: { column: 'größe', line: '3' },
    });
    const retryable = Object.keys(errorCodes).find(
      (code) => errorCodes[code as ErrorCode].retryable,
    ) as ErrorCode;
    await expect(
      callUnary(await failing(new RetryableError(retryable, 'later')), 'one', 'x'),
    ).rejects.toBeInstanceOf(RetryableError);
  });

  it('maps an error of a library that only carries a code of the table', async () => {
    const error = await rawCall(
      await failing(Object.assign(new Error('from a library'), { code: someCode })),
    );
    expect([grpc.status[error.code], error.details]).toEqual(['NOT_FOUND', 'from a library']);
  });

  it('hides an unforeseen error behind an id that stands in the log', async () => {
    const logger = memoryLogger();
    const error = await rawCall(await failing(new Error('password is hunter2'), logger));
    expect(error.code).toBe(grpc.status.INTERNAL);
    expect(error.details).not.toContain('hunter2');
    const logged = logger.lines.find((line) => line.level === 'error');
    expect(error.details).toContain(String(logged?.fields['error_id']));
    expect(logged?.fields['err']).toMatchObject({ message: 'password is hunter2' });
  });

  it('passes the failure of a further service on, with its code', async () => {
    const inner = await failing(new TerminalError(someCode, 'far away'));
    const { server, client } = await echoServer({
      one: unary<string, string>(
        () =>
          new Promise((resolve, reject) =>
            inner.one('x', new grpc.Metadata(), {}, (error, response) =>
              error === null ? resolve(response) : reject(error),
            ),
          ),
      ),
    });
    closers.push(() => (client.close(), server.server.forceShutdown()));
    await expect(callUnary(client, 'one', 'x')).rejects.toMatchObject({
      code: someCode,
      message: 'far away',
    });
  });

  it('aborts the signal of the handler when the deadline of the caller passes', async () => {
    const { promise: aborted, resolve } = deferred<string>();
    const { server, client } = await echoServer({
      one: unary<string, string>(
        (_request, { signal, deadline }) =>
          new Promise((_resolve, reject) => {
            expect(deadline).toBeLessThan(Date.now() + 1000);
            signal.addEventListener(
              'abort',
              () => (resolve(String((signal.reason as Error).name)), reject(signal.reason as Error)),
            );
          }),
      ),
    });
    closers.push(() => (client.close(), server.server.forceShutdown()));
    expect((await rawCall(client, 100)).code).toBe(grpc.status.DEADLINE_EXCEEDED);
    expect(await aborted).toBe('AbortError');
  });

  it('aborts the signal of the handler when the caller cancels', async () => {
    const started = deferred<void>();
    const aborted = deferred<void>();
    const { server, client } = await echoServer({
      one: unary<string, string>(
        (_request, { signal }) =>
          new Promise(() => {
            signal.addEventListener('abort', () => aborted.resolve());
            started.resolve();
          }),
      ),
    });
    closers.push(() => (client.close(), server.server.forceShutdown()));
    const controller = new AbortController();
    const call = callUnary(client, 'one', 'x', { signal: controller.signal });
    await started.promise;
    controller.abort();
    await expect(call).rejects.toMatchObject({ code: grpc.status.CANCELLED });
    await aborted.promise;
  });
});

describe('error metadata', () => {
  it('survives any text, and stays printable ASCII on the wire', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 60 }),
        fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ maxLength: 20 }), {
          maxKeys: 4,
          noNullPrototype: true,
        }),
        (hint, details) => {
          const metadata = errorMetadata('RK_X', hint, details);
          for (const value of metadata.get('rookery-error-hint')) expect(value).toMatch(/^[ -~]*$/);
          const read = readErrorMetadata(metadata);
          expect(read?.hint ?? '').toBe(hint);
          expect(read?.details ?? {}).toEqual(details);
        },
      ),
    );
  });
});

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((r) => (resolve = r));
  return { promise, resolve };
}
