import { errorCodes, isErrorCode } from '@rookery/contracts';
import type { ErrorCode } from '@rookery/contracts';

import { httpStatusOf } from './http-status.js';

/** The body of every failed request. */
export interface ErrorView {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** An error as it is answered. */
export interface ErrorAnswer {
  readonly status: number;
  readonly body: ErrorView;
  /** True where nobody foresaw it: the message stays in the log. */
  readonly unforeseen: boolean;
}

// Of gRPC, for calls that never reached a service.
const cancelled = 1;
const deadlineExceeded = 4;
const resourceExhausted = 8;
const unavailable = 14;

/**
 * What is answered for anything thrown: an error with a code of the table keeps code, message and hint; a service that
 * can't be reached is RK_UNAVAILABLE; anything else is RK_INTERNAL without its message, which may hold what is nobody's
 * business.
 */
export function errorAnswer(error: unknown): ErrorAnswer {
  const candidate = error as
    { code?: unknown; message?: unknown; hint?: unknown; details?: unknown } | null | undefined;
  const code = candidate?.code;
  if (typeof code === 'string' && isErrorCode(code)) {
    return answer(
      code,
      messageOf(candidate?.message),
      typeof candidate?.hint === 'string' ? candidate.hint : undefined,
    );
  }
  const details = messageOf(candidate?.details);
  switch (code) {
    case unavailable:
      return answer(
        'RK_UNAVAILABLE',
        `The service behind this can not be reached: ${details}`,
        'The System page shows what is down.',
      );
    case deadlineExceeded:
      return answer('RK_DEADLINE_EXCEEDED', `The service behind this did not answer in time: ${details}`);
    case resourceExhausted:
      return answer(
        'RK_MESSAGE_TOO_LARGE',
        `The answer of the service behind this is too large: ${details}`,
        'Ask for fewer at a time.',
      );
    case cancelled:
      return answer('RK_CANCELLED', 'The request was cancelled.');
    default:
      return { ...answer('RK_INTERNAL', 'The console failed; the reason is in its log.'), unforeseen: true };
  }
}

function answer(code: ErrorCode, message: string, hint?: string): ErrorAnswer {
  return {
    status: code === 'RK_METHOD_NOT_ALLOWED' ? 405 : httpStatusOf(errorCodes[code].grpc),
    body: { code, message, hint: hint ?? errorCodes[code].whatToDo },
    unforeseen: false,
  };
}

/** What to do about a code; empty for an unknown one. */
export function hintOf(code: string): string {
  return isErrorCode(code) ? errorCodes[code].whatToDo : '';
}

function messageOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
