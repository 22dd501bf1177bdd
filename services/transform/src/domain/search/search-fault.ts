import { TerminalError } from '@rookery/contracts';

/** Throws RK_SEARCH_INVALID about one field of the search. */
export function refuseSearch(field: string, problem: string, hint?: string): never {
  const name = `search.${field}`;
  throw new TerminalError('RK_SEARCH_INVALID', `The field ${name} ${problem}`, {
    details: { field: name },
    ...(hint === undefined ? {} : { hint }),
  });
}
