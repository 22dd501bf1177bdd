import { errorCodes } from '@rookery/contracts';
import type { ErrorCodeEntry } from '@rookery/contracts';

/** Headings of the document by the beginning of the codes below them; the first that fits counts. */
const sections: readonly (readonly [title: string, prefixes: readonly string[]])[] = [
  ['Messages and events', ['RK_MESSAGE_', 'RK_KEY_', 'RK_HANDLER_', 'RK_ATTEMPTS_', 'RK_DEAD']],
  ['Bus, database, artifacts, configuration', ['RK_BUS_', 'RK_STORE_', 'RK_ARTIFACT_', 'RK_CONFIG_']],
  ['Data sets', ['RK_DATASET_']],
  ['Tables', ['RK_TABULAR_']],
  ['Runs and training', ['RK_FOLDS_', 'RK_SPEC_', 'RK_GATE_INVALID', 'RK_BACKEND_', 'RK_TRAIN_', 'RK_RUN_']],
  [
    'Models, versions, aliases',
    ['RK_MODEL_', 'RK_VERSION_', 'RK_ALIAS_', 'RK_ROLLBACK_', 'RK_GATE_FAILED', 'RK_CHAMPION_'],
  ],
  ['Predictions', ['RK_PREDICT_', 'RK_FEATURE_', 'RK_OVERLOADED']],
  ['Monitoring', ['RK_REFERENCE_', 'RK_NO_CAPTURES', 'RK_REPORT_', 'RK_LABEL_']],
  ['Anywhere', ['']],
];

/** The text of docs/error-codes.md: every code of the table with all that it says. */
export function renderErrorCodes(): string {
  const rest = new Map<string, ErrorCodeEntry>(Object.entries(errorCodes));
  const lines = [
    '# Error codes',
    '',
    'Every error of Rookery has one of these codes: in the log, in `ml.dataset.rejected`, `ml.run.failed` and',
    '`ml.model.rejected`, in the dead letters, and in a gRPC answer, whose trailing metadata holds it as',
    '`rookery-error-code`. A code is never given another meaning.',
    '',
    '*Again* says whether the same call or message may succeed later without a change by the caller: events with such an error',
    'are delivered again, the others go to the dead letters at once.',
    '',
    'This file is written from `libs/contracts/src/error-codes.ts` by `npm run docs`; a test holds the two equal.',
  ];
  for (const [title, prefixes] of sections) {
    const rows = [...rest].filter(([code]) => prefixes.some((prefix) => code.startsWith(prefix)));
    if (rows.length === 0) continue;
    lines.push(
      '',
      `## ${title}`,
      '',
      '| code | gRPC status | again | meaning | what to do |',
      '| --- | --- | --- | --- | --- |',
    );
    for (const [code, entry] of rows) {
      rest.delete(code);
      const cells = [
        `\`${code}\``,
        entry.grpc,
        entry.retryable ? 'yes' : 'no',
        entry.meaning,
        entry.whatToDo,
      ];
      lines.push(`| ${cells.map(escapeCell).join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
