import { bestFirst } from '@rookery/client';
import { AttemptStatus, SearchState } from '@rookery/proto/rookery/transform/v1/transform';
import type { GetSearchResponse } from '@rookery/proto/rookery/transform/v1/transform';
import { Command } from 'commander';

import { output } from '../output.js';
import { shortNumber } from '../progress/step-line.js';
import { renderTable } from '../table.js';
import { withClient } from '../with-client.js';

/** `rookery search <run>`: the trials of a search, best first. */
export function searchCommand(): Command {
  return new Command('search')
    .description('Show the trials of the search of a run, the best first')
    .argument('<run>', 'run id')
    .option('--json', 'JSON')
    .action(async (runId: string, flags: { json?: boolean }) => {
      await withClient(async (client) => {
        const search = await client.search(runId);
        output(flags.json, search, () => renderSearch(search));
      });
    });
}

const stateWords: Readonly<Record<number, string>> = {
  [SearchState.SEARCH_STATE_RUNNING]: 'running',
  [SearchState.SEARCH_STATE_COMPLETED]: 'completed',
  [SearchState.SEARCH_STATE_FAILED]: 'failed: no trial gave a score',
  [SearchState.SEARCH_STATE_CANCELLED]: 'cancelled',
};

function renderSearch(found: GetSearchResponse): string {
  const { search, state, result } = found;
  const metric = search?.metric ?? '';
  const rungs =
    search !== undefined && search.rungs.length > 0 ? `, rungs of ${search.rungs.join(', ')} epochs` : '';
  const lines = [
    `search    ${search?.searchId ?? ''}: ${search?.strategy ?? ''}, ${search?.trials ?? 0} trials × ${search?.folds ?? 0} folds${rungs}`,
    `state     ${stateWords[state] ?? ''}`,
    ...(result === undefined
      ? []
      : [`best      trial ${result.bestTrial}: ${metric} ${shortNumber(result.bestScore)}`]),
  ];
  const rows = bestFirst(found).map((attempt) => [
    String(attempt.trial),
    String(attempt.rung),
    String(attempt.epochs),
    attempt.status === AttemptStatus.ATTEMPT_STATUS_SCORED ? shortNumber(attempt.score ?? NaN) : '–',
    Object.entries(attempt.point ?? {})
      .map(([name, value]) => `${name}=${typeof value === 'number' ? short(value) : JSON.stringify(value)}`)
      .join(' '),
    attempt.status === AttemptStatus.ATTEMPT_STATUS_RUNNING ? 'running' : attempt.code,
  ]);
  return [
    ...lines,
    '',
    renderTable(['TRIAL', 'RUNG', 'EPOCHS', metric.toUpperCase(), 'SETTINGS', ''], rows),
  ].join('\n');
}

const short = (value: number): string => String(Number(value.toPrecision(4)));
