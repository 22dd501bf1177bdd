import { afterEach, describe, expect, it } from 'vitest';
import fc from 'fast-check';
import { createLogger, redactUrl, startTelemetry, withSpan } from '../src/index.js';
import type { Logger, LoggerOptions, Telemetry } from '../src/index.js';

let telemetry: Telemetry | undefined;
afterEach(async () => {
  await telemetry?.shutdown();
  telemetry = undefined;
});

function capture(options: Partial<LoggerOptions> = {}): {
  logger: Logger;
  lines: () => Record<string, unknown>[];
  text: () => string;
} {
  let text = '';
  const logger = createLogger({
    name: 'test',
    level: 'debug',
    stream: { write: (line) => void (text += line) },
    ...options,
  });
  return {
    logger,
    text: () => text,
    lines: () =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('createLogger', () => {
  it('writes one JSON line with level, service, time, fields and message', () => {
    const { logger, lines } = capture();
    logger.info({ rows: 344 }, 'dataset read');
    expect(lines()).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-.*Z$/) as string,
        service: 'test',
        rows: 344,
        msg: 'dataset read',
      },
    ]);
  });

  it('does not carry the fields of one line into the next', () => {
    const { logger, lines } = capture();
    logger.info({ first: 1 }, 'a');
    logger.info({}, 'b');
    logger.child({ run: 'r' }).info({}, 'c');
    logger.info('d');
    expect(
      lines().map((line) =>
        Object.keys(line).filter((key) => !['level', 'time', 'service', 'msg'].includes(key)),
      ),
    ).toEqual([['first'], [], ['run'], []]);
  });

  it('puts trace_id and span_id of the active span on the line, and none outside', () => {
    telemetry = startTelemetry({ serviceName: 'test', env: {} });
    const { logger, lines } = capture();
    const ids = withSpan('work', {}, (span) => {
      logger.warn({}, 'inside');
      return span.spanContext();
    });
    logger.warn({}, 'outside');
    expect(lines()[0]).toMatchObject({ trace_id: ids.traceId, span_id: ids.spanId });
    expect(lines()[1]).not.toHaveProperty('trace_id');
  });

  it('never writes the value of a field that is named like a secret, nor credentials in a URL', () => {
    const { logger, text } = capture();
    logger.info(
      { password: 'hunter2', db: { token: 'hunter2' }, url: 'mongodb://app:hunter2@db/x' },
      'to nats://u:hunter2@h:4222',
    );
    logger.error({ err: new Error('connect s3://b?secret_access_key=hunter2&region=x failed') }, 'failed');
    expect(text()).not.toContain('hunter2');
    expect(text()).toContain('mongodb://***@db/x');
  });

  it('keeps the stack and the cause of an error', () => {
    const { logger, lines } = capture();
    logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'failed');
    const err = lines()[0]?.['err'] as { stack: string };
    expect(err.stack).toContain('logger.test');
    expect(err.stack).toContain('inner');
  });

  it('writes nothing below its level', () => {
    const { logger, text } = capture({ level: 'warn' });
    logger.info({}, 'quiet');
    expect(text()).toBe('');
    expect(logger.isLevelEnabled('info')).toBe(false);
  });

  it('writes lines for people when asked to', () => {
    const { logger, text } = capture({ pretty: true });
    logger.info({ rows: 3 }, 'read');
    expect(text()).toMatch(/^\d\d:\d\d:\d\d\.\d{3} info {2}test read rows=3\n$/);
  });
});

describe('redactUrl', () => {
  it('hides every user information and leaves the rest as it is', () => {
    const part = fc.stringMatching(/^[A-Za-z0-9]{1,12}$/);
    fc.assert(
      fc.property(part, part, part, (user, password, host) => {
        expect(redactUrl(`mongodb://${user}:${password}@${host}:27017/db`)).toBe(
          `mongodb://***@${host}:27017/db`,
        );
        expect(redactUrl(`nats://${host}:4222`)).toBe(`nats://${host}:4222`);
      }),
    );
  });
});
