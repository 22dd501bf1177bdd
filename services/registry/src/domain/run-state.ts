import { RunState, runStateToJSON } from '@rookery/proto/rookery/registry/v1/registry';

/** States in which an attempt of a run has ended. They are the highest numbers, so `$max` keeps them. */
export const firstTerminalState: number = RunState.RUN_STATE_PROMOTED;

/** Whether a run has ended: promoted, rejected, failed or cancelled. Only a failed one may go on, by a resumption. */
export function isTerminal(state: RunState): boolean {
  return state >= firstTerminalState;
}

/** A state in a word. */
export function stateWord(state: RunState): string {
  return runStateToJSON(state).replace('RUN_STATE_', '').toLowerCase();
}
