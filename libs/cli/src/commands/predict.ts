import { readFileSync } from 'node:fs';

import type { PlainRow } from '@rookery/client';
import { TerminalError } from '@rookery/contracts';
import { Command } from 'commander';

import { output } from '../output.js';
import { shortNumber } from '../progress/step-line.js';
import { renderTable } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery predict <model> '{"island":"Biscoe",…}'`: predictions of the champion. */
export function predictCommand(): Command {
  return new Command('predict')
    .description('Predict rows with the champion of a model')
    .argument('<model>', 'model name')
    .argument(
      '<rows>',
      'a JSON object or an array of them; null is missing; - reads stdin; @file reads a file',
    )
    .option('--json', 'JSON')
    .action(async (model: string, text: string, flags: { json?: boolean }) => {
      const rows = rowsOf(text);
      await withClient(async (client) => {
        const predictions = await client.predict(model, rows);
        output(flags.json, predictions, () =>
          renderTable(
            ['PREDICTION', 'PROBABILITIES', 'VERSION', 'ID'],
            predictions.map((row) => [
              row.labels ? labelsShown(row.labels) : (row.label ?? shortNumber(row.value ?? NaN)),
              Object.entries(row.probabilities)
                .map(([name, p]) => `${name} ${p.toFixed(4)}`)
                .join('  '),
              row.version,
              row.id,
            ]),
          ),
        );
      });
    });
}

/** A set of labels; `–` where there is none. */
function labelsShown(labels: readonly string[]): string {
  return labels.length === 0 ? '–' : labels.join(', ');
}

/** Rows of the argument: a JSON object or an array of them, stdin for `-`, a file for `@file`. Throws RK_REQUEST_INVALID. */
export function rowsOf(text: string): PlainRow[] {
  const source =
    text === '-' ? readFileSync(0, 'utf8') : text.startsWith('@') ? readRows(text.slice(1)) : text;
  let json: unknown;
  try {
    json = JSON.parse(source);
  } catch (error) {
    throw new TerminalError('RK_REQUEST_INVALID', `The rows are not JSON: ${(error as Error).message}`, {
      hint: 'Write them as \'{"column": value, …}\' or as an array of such objects.',
    });
  }
  const rows = Array.isArray(json) ? json : [json];
  if (!rows.every((row) => typeof row === 'object' && row !== null && !Array.isArray(row))) {
    throw new TerminalError('RK_REQUEST_INVALID', 'The rows must be objects with the features by name');
  }
  return rows as PlainRow[];
}

function readRows(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new TerminalError(
      'RK_REQUEST_INVALID',
      `The rows can not be read from ${file}: ${(error as Error).message}`,
      {
        hint: 'Name a file with a JSON object or an array of them.',
        cause: error,
      },
    );
  }
}
