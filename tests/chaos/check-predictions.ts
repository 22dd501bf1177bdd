import { events } from '@rookery/contracts';
import type { CapturedPrediction, PredictionsCaptured } from '@rookery/proto/rookery/events/v1/monitoring';

import { distinctEvents, groupBy } from './history.js';
import type { Answer, History, LifeEnd, Violation } from './history.js';

/**
 * On each connection the answers never go back along the history of champion: each comes from the revision of the answer
 * before, or from a later one. The first step back of each connection is told.
 */
export function checkVersionsSeen(history: History): Violation[] {
  const connections = groupBy(
    history.answers,
    ({ replica, connection, model }) => `connection ${connection} to ${model} of ${replica}`,
  );
  return [...connections].flatMap(([subject, answers]): Violation[] => {
    const model = history.models.find(({ name }) => name === answers[0]?.model);
    const moves = [...(model?.history ?? [])].sort((a, b) => a.revision - b.revision);
    let at = 0;
    let before = answers[0];
    for (const answer of answers) {
      // The earliest revision that explains an answer leaves the most room for the ones behind it.
      const next = moves.findIndex(({ version }, k) => k >= at && version === answer.version);
      if (next < 0) {
        const evidence = `version ${before?.version} (${before?.predictionId}), then ${answer.version} (${answer.predictionId} at ${answer.timeMs}), which champion was not at or after revision ${moves[at]?.revision ?? 'none'}`;
        return [{ invariant: 'versions never go back on a connection', subject, evidence }];
      }
      at = next;
      before = answer;
    }
    return [];
  });
}

/** Every call ends once: with one prediction, whose id no other answer has, or with an error. */
export function checkAnswers(history: History): Violation[] {
  const invariant = 'every prediction is answered once';
  const violations: Violation[] = [];
  for (const [predictionId, answers] of groupBy(history.answers, (answer) => answer.predictionId)) {
    if (answers.length === 1) continue;
    const evidence = `answered ${answers.length} times, on ${answers.map(({ replica, connection }) => `connection ${connection} of ${replica}`).join(', ')}`;
    violations.push({ invariant, subject: predictionId, evidence });
  }
  const { asked, answered, failed, otherwise } = history.calls;
  if (otherwise > 0 || asked !== answered + failed || answered !== history.answers.length) {
    const evidence = `${asked} asked, ${answered} answered with one, ${otherwise} with another number, ${failed} failed, ${history.answers.length} predictions came`;
    violations.push({ invariant, subject: 'all calls', evidence });
  }
  return violations;
}

/** Length of the part of a prediction id that names the life of the replica that answered. */
const lifeLength = 12;
/** A process that is started again answers later than this after the end of the one before. */
const startMs = 100;
/** What a loaded machine may add to the flush interval of a healthy replica. */
const slackMs = 5_000;

/** Where the answers went that no batch holds. */
export interface CaptureAccount {
  readonly answered: number;
  readonly captured: number;
  /** Said to be dropped by the replica that answered. */
  readonly dropped: number;
  /** Gone with the memory of a killed replica. */
  readonly lostWithKilled: number;
}

/** Every answered prediction is captured once, as it was answered, or counted as dropped, or died with its replica. */
export function checkCaptures(history: History): { violations: Violation[]; account: CaptureAccount } {
  const violations: Violation[] = [];
  const batches = distinctEvents(history.captures, events.predictionCaptured);
  const captured = new Map<string, { batch: PredictionsCaptured; row: CapturedPrediction }>();
  for (const { id, data } of batches) {
    for (const row of data.predictions) {
      if (captured.has(row.predictionId)) {
        const evidence = `again in batch ${id}`;
        violations.push({ invariant: 'a prediction is captured once', subject: row.predictionId, evidence });
      }
      captured.set(row.predictionId, { batch: data, row });
    }
  }
  violations.push(...unequalCopies(history));
  for (const answer of history.answers) {
    const found = captured.get(answer.predictionId);
    if (!found || (found.batch.version === answer.version && found.row.label === answer.label)) continue;
    violations.push({
      invariant: 'a capture is what was answered',
      subject: answer.predictionId,
      evidence: `answered ${answer.label} by version ${answer.version}, captured ${found.row.label} by ${found.batch.version}`,
    });
  }
  let dropped = 0;
  let lostWithKilled = 0;
  const lives = groupBy(history.answers, ({ predictionId }) => predictionId.slice(0, lifeLength));
  for (const [life, answers] of lives) {
    const missing = answers.filter(({ predictionId }) => !captured.has(predictionId));
    const first = Math.min(...answers.map(({ timeMs }) => timeMs));
    const replica = answers[0]?.replica ?? '';
    const end = history.lifeEnds.find((one) => one.replica === replica && one.timeMs >= first - startMs);
    const said = end ? end.dropped : (history.droppedNow[replica] ?? 0);
    if (end?.how !== 'killed') {
      dropped += Math.min(missing.length, said);
      if (missing.length > said) violations.push(unaccounted(life, answers, missing, said));
      continue;
    }
    lostWithKilled += missing.length;
    violations.push(...beyondTheBuffer(life, missing, end, history));
  }
  const answered = history.answers.length;
  const account = { answered, captured: answered - dropped - lostWithKilled, dropped, lostWithKilled };
  return { violations, account };
}

function unaccounted(
  life: string,
  answers: readonly Answer[],
  missing: readonly Answer[],
  said: number,
): Violation {
  const examples = missing.slice(0, 3).map(({ predictionId, timeMs }) => `${predictionId} at ${timeMs}`);
  return {
    invariant: 'an answered prediction is captured or counted as dropped',
    subject: `replica life ${life}`,
    evidence: `${missing.length} of ${answers.length} answers were not captured, ${said} dropped: ${examples.join(', ')}`,
  };
}

/** What was killed with a replica is at most its buffer, and, with the broker in reach, only what was just answered. */
function beyondTheBuffer(
  life: string,
  missing: readonly Answer[],
  end: LifeEnd,
  history: History,
): Violation[] {
  const { bufferRows, flushMs } = history.capture;
  const old = end.cutOff ? [] : missing.filter(({ timeMs }) => timeMs < end.timeMs - flushMs - slackMs);
  if (missing.length <= bufferRows && old.length === 0) return [];
  return [
    {
      invariant: 'a killed replica loses no more than its buffer',
      subject: `replica life ${life}`,
      evidence: `${missing.length} lost, ${old.length} of them answered long before the end at ${end.timeMs}, such as ${old[0]?.predictionId} at ${old[0]?.timeMs}`,
    },
  ];
}

function unequalCopies(history: History): Violation[] {
  return [...groupBy(history.captures, ({ id }) => id)].flatMap(([id, [first, ...others]]): Violation[] => {
    const different = others.find(({ raw }) => first && Buffer.compare(first.raw, raw) !== 0);
    if (!first || !different) return [];
    const evidence = `sequences ${first.sequence} and ${different.sequence} of ML_CAPTURES differ`;
    return [{ invariant: 'copies of an event are equal', subject: id, evidence }];
  });
}
