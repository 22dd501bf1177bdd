import { TerminalError } from '@rookery/contracts';

/** The number of an option; throws RK_REQUEST_INVALID, naming it, where it is none. */
export function numberOption(option: string, text: string): number {
  const value = text.trim() === '' ? NaN : Number(text);
  if (!Number.isFinite(value)) throw refusal(option, text, 'a number');
  return value;
}

/** A whole number from 0; throws RK_REQUEST_INVALID, naming the option, where it is none. */
export function countOption(option: string, text: string): number {
  const value = numberOption(option, text);
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw refusal(option, text, 'a whole number from 0');
  return value;
}

function refusal(option: string, text: string, wanted: string): TerminalError {
  return new TerminalError('RK_REQUEST_INVALID', `${option} needs ${wanted}; it is ${JSON.stringify(text)}`, {
    details: { field: option, value: text },
    hint: 'Give the option such a number.',
  });
}
