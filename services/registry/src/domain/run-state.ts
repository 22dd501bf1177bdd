import { RunState } from '@rookery/proto/rookery/registry/v1/registry';

/** States from which a run never moves again. They are the highest numbers, so `$max` keeps them. */
export const firstTerminalState: number = RunState.RUN_STATE_PROMOTED;

/** Whether a run has ended: promoted, rejected or failed. */
export function isTerminal(state: RunState): boolean {
  return state >= firstTerminalState;
}
