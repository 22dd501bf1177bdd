import * as grpc from '@grpc/grpc-js';
import { TerminalError, errorCodes } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';
import { afterEach, describe, expect, it } from 'vitest';
import { bidi, clientStream, serverStream } from '../src/index.js';
import { echoServer } from './echo-service.js';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});
const code = Object.keys(errorCodes).find(
  (name) => errorCodes[name as ErrorCode].grpc === 'INVALID_ARGUMENT',
) as ErrorCode;

async function serve(implementation: Parameters<typeof echoServer>[0]): ReturnType<typeof echoServer> {
  const made = await echoServer(implementation);
  closers.push(() => (made.client.close(), made.server.server.forceShutdown()));
  return made;
}

async function collect(
  stream: AsyncIterable<string>,
): Promise<{ messages: string[]; error?: grpc.ServiceError }> {
  const messages: string[] = [];
  try {
    for await (const message of stream) messages.push(message);
  } catch (error) {
    return { messages, error: error as grpc.ServiceError };
  }
  return { messages };
}

describe('streaming handlers', () => {
  it('streams responses in order', async () => {
    const { client } = await serve({
      out: serverStream<string, string>(async function* (request) {
        for (let i = 0; i < 500; i += 1) yield `${request}${i}`;
      }),
    });
    const { messages, error } = await collect(client.out('n'));
    expect(error).toBeUndefined();
    expect(messages).toHaveLength(500);
    expect(messages[499]).toBe('n499');
  });

  it('ends a stream with the status of the error, after the responses before it', async () => {
    const { client } = await serve({
      out: serverStream<string, string>(async function* () {
        yield 'first';
        throw new TerminalError(code, 'then no more');
      }),
    });
    const { messages, error } = await collect(client.out('x'));
    expect(messages).toEqual(['first']);
    expect([error?.code, error?.details, error?.metadata.get('rookery-error-code')]).toEqual([
      grpc.status.INVALID_ARGUMENT,
      'then no more',
      [code],
    ]);
  });

  it('ends the generator when the caller goes away, and does not ask it for more than the caller takes', async () => {
    let ended!: (made: number) => void;
    const end = new Promise<number>((resolve) => (ended = resolve));
    const { client } = await serve({
      out: serverStream<string, string>(async function* () {
        let made = 0;
        try {
          for (;;) yield 'x'.repeat(10_000 + (made += 1));
        } finally {
          ended(made);
        }
      }),
    });
    const stream = client.out('x');
    stream.on('error', () => undefined);
    await new Promise((resolve) => stream.once('data', resolve));
    stream.pause();
    stream.cancel();
    expect(await end).toBeLessThan(10_000);
  });

  it('reads streamed requests', async () => {
    const { client } = await serve({
      in: clientStream<string, string>(async (requests) => {
        let total = 0;
        for await (const request of requests) total += request.length;
        return String(total);
      }),
    });
    const answer = await new Promise<string>((resolve, reject) => {
      const call = client.in((error, response) => (error === null ? resolve(response) : reject(error)));
      for (let i = 0; i < 100; i += 1) call.write('abc');
      call.end();
    });
    expect(answer).toBe('300');
  });

  it('refuses a stream of requests before its end', async () => {
    const { client } = await serve({
      in: clientStream<string, string>(async (requests) => {
        for await (const request of requests) throw new TerminalError(code, `not ${request}`);
        return 'never';
      }),
    });
    const error = await new Promise<grpc.ServiceError | null>((resolve) => {
      const call = client.in((failure) => resolve(failure));
      call.on('error', () => undefined);
      call.write('this');
    });
    expect([error?.code, error?.details]).toEqual([grpc.status.INVALID_ARGUMENT, 'not this']);
  });

  it('answers while requests still come, both ways', async () => {
    const { client } = await serve({
      both: bidi<string, string>(async function* (requests) {
        for await (const request of requests) yield request.toUpperCase();
      }),
    });
    const call = client.both();
    const answers: string[] = [];
    for (const word of ['a', 'b', 'c']) {
      const next = new Promise<string>((resolve) => call.once('data', resolve));
      call.write(word);
      answers.push(await next);
    }
    call.end();
    expect(answers).toEqual(['A', 'B', 'C']);
  });
});
