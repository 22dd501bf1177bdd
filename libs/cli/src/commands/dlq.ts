import { userInfo } from 'node:os';

import type { DeadLetters, Redriven, StoredDeadLetter } from '@rookery/client';
import { RookeryError, TerminalError, runIdOf } from '@rookery/contracts';
import { Command } from 'commander';

import { auditLog } from '../audit-log.js';
import { letterToJson, renderLetter, renderLetters } from '../dead-letter-view.js';
import { countOption } from '../number-option.js';
import { output } from '../output.js';
import { printable } from '../printable.js';
import { exitCodes, reportFailure } from '../report-failure.js';
import { withClient } from '../with-client.js';

/** `rookery dlq`: events that no service could handle. */
export function dlqCommand(): Command {
  return new Command('dlq')
    .description('Dead letters: events that a service gave up. List, show, send again, drop')
    .addCommand(listCommand())
    .addCommand(showCommand())
    .addCommand(redriveCommand())
    .addCommand(dropCommand())
    .addHelpText(
      'after',
      `
The id of a letter is its sequence in the stream ML_DLQ; letters are kept for 30 days.
Mend the cause first (the error's code and hint name it), then redrive. docs/runbooks/dead-letters.md has the whole way.`,
    );
}

function listCommand(): Command {
  return new Command('list')
    .description('List dead letters, oldest first')
    .option('-c, --consumer <durable>', 'only those of this consumer, such as trainer')
    .option('--after <id>', 'only those after this one', '0')
    .option('--limit <n>', 'how many, at most 1000', '50')
    .option('--json', 'JSON, one document: { letters, next, counts }')
    .action(async (flags: { consumer?: string; after: string; limit: string; json?: boolean }) => {
      const { consumer } = flags;
      const after = countOption('--after', flags.after);
      const limit = countOption('--limit', flags.limit);
      await withDeadLetters(async (letters) => {
        const page = await letters.list({ ...(consumer === undefined ? {} : { consumer }), after, limit });
        const counts = await letters.counts();
        const total = Object.entries(counts).reduce(
          (sum, [by, n]) => sum + (consumer === undefined || by === consumer ? n : 0),
          0,
        );
        output(flags.json, { letters: page.letters.map(letterToJson), next: page.next ?? null, counts }, () =>
          renderLetters(page, total, consumer),
        );
      });
    });
}

function showCommand(): Command {
  return new Command('show')
    .description('Show a dead letter in full: error, stack, headers, payload, trace')
    .argument('<id>', 'id of the letter')
    .option('--payload', 'write the original bytes, and nothing else, to stdout')
    .option('--json', 'JSON; the payload as base64 and, where it can be read, as JSON')
    .action(async (id: string, flags: { payload?: boolean; json?: boolean }) => {
      const wanted = countOption('<id>', id);
      await withDeadLetters(async (letters) => {
        const letter = await letters.get(wanted);
        if (flags.payload === true) {
          await writeBytes(payloadOf(letter));
          return;
        }
        const { note, runId } = await letters.noteOf(letter);
        output(flags.json, { ...letterToJson(letter), runId: runId ?? null, note: note ?? null }, () =>
          renderLetter(letter, note),
        );
      });
    });
}

function redriveCommand(): Command {
  return new Command('redrive')
    .description('Send the original events again, then remove their letters')
    .argument('[id...]', 'ids of the letters')
    .option('--all', 'all letters of --consumer that are there now')
    .option('-c, --consumer <durable>', 'with --all: whose letters')
    .option('--as-new', 'only ml.dataset.ready: as a new request, with a run of its own')
    .option('--json', 'JSON: { redriven, failed }')
    .addHelpText(
      'after',
      `
The event keeps its bytes, its subject and its CloudEvents attributes, its id among them: whatever was done already is not
done twice. Only the message id (Nats-Msg-Id) is new. Every consumer of the subject gets it again.
A run that has failed stays failed, and a request that was refused stays refused: redrive says so. --as-new sends such a
request as another one.`,
    )
    .action(
      async (ids: string[], flags: { all?: boolean; consumer?: string; asNew?: boolean; json?: boolean }) => {
        const wanted = ids.map((id) => countOption('<id>', id));
        const { consumer } = flags;
        if (
          flags.all === true
            ? wanted.length > 0 || consumer === undefined
            : wanted.length === 0 || consumer !== undefined
        ) {
          throw new TerminalError(
            'RK_REQUEST_INVALID',
            'redrive needs either ids, or --all with --consumer',
            {
              hint: 'rookery dlq redrive 12 13, or rookery dlq redrive --all --consumer trainer.',
            },
          );
        }
        await withDeadLetters(async (letters) => {
          const targets = consumer === undefined ? wanted : idsOf(letters, consumer);
          await each(targets, 'redriven', flags.json, async (id) => {
            const { note, runId } = await letters.noteOf(await letters.get(id));
            const redriven = await letters.redrive(id, { asNew: flags.asNew === true, actor: actor() });
            if (flags.asNew !== true) return redrivenResult(redriven, { note, runId });
            const own = runIdOf(redriven.eventId);
            return redrivenResult(redriven, { note: `Its run is ${own}.`, runId: own });
          });
        });
      },
    );
}

function dropCommand(): Command {
  return new Command('drop')
    .description('Remove dead letters for good; each leaves a line in the log (stderr)')
    .argument('<id...>', 'ids of the letters')
    .option('--reason <text>', 'why, for the log')
    .option('--json', 'JSON: { dropped, failed }')
    .action(async (ids: string[], flags: { reason?: string; json?: boolean }) => {
      const wanted = ids.map((id) => countOption('<id>', id));
      await withDeadLetters(async (letters) => {
        await each(wanted, 'dropped', flags.json, async (id) => {
          const { letter, consumer } = await letters.drop(id, {
            actor: actor(),
            ...(flags.reason === undefined ? {} : { reason: flags.reason }),
          });
          const { eventId, subject } = letter;
          return {
            json: { id, eventId, subject, consumer },
            text: `${id}  dropped: ${subject} ${eventId}, given up by ${consumer}`,
          };
        });
      });
    });
}

/** What one letter came to. */
interface Result {
  readonly json: Record<string, unknown>;
  readonly text: string;
}

function redrivenResult(
  redriven: Redriven,
  { note, runId }: { note?: string | undefined; runId?: string | undefined },
): Result {
  const { letter, eventId, messageId, stream, sequence, duplicate } = redriven;
  const how = duplicate
    ? 'was sent again by another redrive already'
    : `sent again as ${messageId}, ${stream} ${sequence}`;
  const lines = [
    `${letter.id}  ${letter.letter.subject} ${eventId}: ${how}`,
    ...(note === undefined ? [] : [`    ${note}`]),
  ];
  return {
    json: {
      id: letter.id,
      eventId,
      messageId,
      stream,
      sequence,
      duplicate,
      runId: runId ?? null,
      note: note ?? null,
    },
    text: lines.join('\n'),
  };
}

/** Does something to every letter; one that fails stops the rest only where the broker is away. */
async function each(
  ids: Iterable<number> | AsyncIterable<number>,
  done: 'redriven' | 'dropped',
  json: boolean | undefined,
  act: (id: number) => Promise<Result>,
): Promise<void> {
  const results: Result['json'][] = [];
  const failed: { id: number; code: string; message: string; hint: string }[] = [];
  for await (const id of ids) {
    try {
      const result = await act(id);
      results.push(result.json);
      if (json !== true) console.log(printable(result.text));
    } catch (error) {
      if (!(error instanceof RookeryError) || error.code === 'RK_BUS_UNAVAILABLE') throw error;
      failed.push({ id, code: error.code, message: error.message, hint: error.hint });
      process.exitCode = exitCodes.failed;
      if (json !== true) reportFailure(error);
    }
  }
  output(
    json,
    { [done]: results, failed },
    () => `${results.length} ${done}${failed.length > 0 ? `, ${failed.length} failed` : ''}`,
  );
}

async function* idsOf(letters: DeadLetters, consumer: string): AsyncIterable<number> {
  for await (const { id } of letters.each({ consumer })) yield id;
}

function payloadOf({ id, letter, payload }: StoredDeadLetter): Uint8Array {
  if (payload !== undefined) return payload;
  throw new TerminalError(
    'RK_DEAD_LETTER_UNUSABLE',
    `dead letter ${id} has no payload: ${letter.details['payload_omitted'] ?? ''}`,
  );
}

function writeBytes(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

function actor(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown'; // a user id without a name, as in some containers
  }
}

function withDeadLetters(use: (letters: DeadLetters) => Promise<void>): Promise<void> {
  return withClient(async (client) => use(await client.deadLetters()), { logger: auditLog() });
}
