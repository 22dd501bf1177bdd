/** When to dial again after the connection was lost. */
export interface ReconnectDelay {
  /** For the client's `reconnectDelayHandler`: milliseconds that must have gone by since it last dialled. */
  readonly next: () => number;
  /** The client dials now. */
  readonly dialled: () => void;
}

/**
 * 50–300 ms between attempts, whatever the wall clock does. The client reckons by the wall clock of its last attempt: once
 * that clock is set back by an hour it would wait an hour before it dials again. What the clock lost since the last
 * attempt is therefore taken off the delay.
 */
export function createReconnectDelay(
  clocks: { wall: () => number; monotonic: () => number; random: () => number } = {
    wall: () => Date.now(),
    monotonic: () => performance.now(),
    random: Math.random,
  },
): ReconnectDelay {
  const offset = (): number => clocks.wall() - clocks.monotonic();
  let atLastDial = offset();
  return {
    next: () => 50 + clocks.random() * 250 - Math.max(0, atLastDial - offset()),
    dialled: () => {
      atLastDial = offset();
    },
  };
}
