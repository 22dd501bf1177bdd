import { describe, expect, it } from 'vitest';

import { RetryableError, TerminalError, errorCodes, toRookeryError } from '@rookery/contracts';

describe('toRookeryError', () => {
  it('keeps an error of ours as it is', () => {
    const error = new TerminalError('RK_GATE_FAILED', 'no');
    expect(toRookeryError(error)).toBe(error);
  });

  it("keeps a pure library's code, details and hint, terminal or retryable as the table says", () => {
    const pure = Object.assign(new Error('loss is NaN'), {
      code: 'RK_TRAIN_DIVERGED',
      details: { epoch: '3' },
      hint: 'lower it',
    });
    const error = toRookeryError(pure);
    expect(error).toBeInstanceOf(TerminalError);
    expect(error).toMatchObject({
      code: 'RK_TRAIN_DIVERGED',
      message: 'loss is NaN',
      details: { epoch: '3' },
      hint: 'lower it',
      cause: pure,
    });
    expect(toRookeryError(Object.assign(new Error('gone'), { code: 'RK_STORE_UNAVAILABLE' }))).toBeInstanceOf(
      RetryableError,
    );
  });

  it.each([new Error('boom'), Object.assign(new Error('boom'), { code: 'ECONNREFUSED' }), 'boom', undefined])(
    'makes anything else retryable, with the cause kept (%j)',
    (thrown) => {
      const error = toRookeryError(thrown);
      expect(error).toBeInstanceOf(RetryableError);
      expect(error.code).toBe('RK_HANDLER_FAILED');
      expect(error.cause).toBe(thrown);
    },
  );
});

describe('errors', () => {
  it("give the code's advice where they have none of their own", () => {
    expect(new TerminalError('RK_PREDICT_NO_ROWS', 'no rows').hint).toBe(
      errorCodes.RK_PREDICT_NO_ROWS.whatToDo,
    );
  });

  it('every code says in whole sentences what it means and what to do', () => {
    for (const [code, entry] of Object.entries(errorCodes)) {
      expect(code).toMatch(/^RK_[A-Z_]+$/);
      expect(entry.meaning).toMatch(/\.$/);
      expect(entry.whatToDo).toMatch(/\.$/);
    }
  });
});
