import type { DeadLetter } from '@rookery/proto/rookery/events/v1/monitoring';

/** A reproduction, or one job of it, that can't be done. */
export interface ReproductionFailure {
  reproductionId: string;
  /** Absent: every job that has no result yet. */
  job?: { fold: number; final: boolean };
  code: string;
  message: string;
}

const jobSubject = 'ml.job.fold.';
const requestSubject = 'ml.run.reproducing.';

/** The failure that a dead letter means for a reproduction; undefined where it belongs to none. */
export function reproductionFailureOf(
  letter: Pick<DeadLetter, 'subject' | 'code' | 'message'> & { payload: Uint8Array },
): ReproductionFailure | undefined {
  const job = letter.subject.startsWith(jobSubject);
  if (!job && !letter.subject.startsWith(requestSubject)) return undefined;
  const payload = objectOf(letter.payload);
  const { code, message } = letter;
  if (!job) {
    const reproductionId = payload['reproductionId'];
    return typeof reproductionId === 'string' ? { reproductionId, code, message } : undefined;
  }
  const named = /^(rep-[\da-f]{16})-(?:f(\d+)|final)$/.exec(letter.subject.slice(jobSubject.length));
  if (!named?.[1]) return undefined;
  const final = named[2] === undefined;
  const fold = final ? Number(payload['fold'] ?? 0) : Number(named[2]);
  return { reproductionId: named[1], job: { fold, final }, code: code || 'RK_HANDLER_FAILED', message };
}

function objectOf(payload: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(payload).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
