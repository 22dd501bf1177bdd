import { TerminalError } from '@rookery/contracts';

import type { OptionRule, OptionRules, PluginOptions } from './interface/options.js';

/**
 * The options that a plug-in is run with: those given, each within its rule, and defaults for the others. Throws
 * RK_SPEC_INVALID naming the field (`options.k`), or what `refuse` throws, also for an option that the plug-in does not have.
 */
export function completeOptions(
  rules: OptionRules,
  given: unknown,
  path = 'options',
  refuse: (field: string, problem: string) => never = refuseOption,
): PluginOptions {
  const fields = given ?? {};
  if (typeof fields !== 'object' || Array.isArray(fields)) refuse(path, 'must be an object');
  const known = Object.keys(rules);
  for (const name of Object.keys(fields)) {
    if (known.includes(name)) continue;
    const list = known.length === 0 ? 'it has none' : `there are ${known.join(', ')}`;
    refuse(`${path}.${name}`, `is no option of the plug-in; ${list}`);
  }
  return Object.fromEntries(
    Object.entries(rules).map(([name, rule]) => {
      const value = (fields as Record<string, unknown>)[name] ?? rule.default;
      if (!fits(rule, value)) refuse(`${path}.${name}`, `must be ${wordsOf(rule)}, not ${shown(value)}`);
      return [name, value as number | string | boolean];
    }),
  );
}

/** Throws RK_SPEC_INVALID with the path of the field. */
export function refuseOption(field: string, problem: string): never {
  throw new TerminalError('RK_SPEC_INVALID', `The model's ${field} ${problem}.`, {
    details: { field },
    hint: 'Correct the field, or leave it out for its default.',
  });
}

/** What is wrong with the rules that a plug-in declares; undefined where nothing is. */
export function faultOfRules(rules: unknown): string | undefined {
  if (rules === undefined) return undefined;
  if (typeof rules !== 'object' || rules === null || Array.isArray(rules)) return 'its options are no object';
  for (const [name, rule] of Object.entries(rules as Record<string, unknown>)) {
    if (!isRule(rule)) return `its option ${JSON.stringify(name)} has no rule of a known type`;
    if (!fits(rule, rule.default))
      return `the default of its option ${JSON.stringify(name)} does not fit its rule`;
  }
  return undefined;
}

function isRule(rule: unknown): rule is OptionRule {
  if (typeof rule !== 'object' || rule === null) return false;
  const { type, of } = rule as { type?: unknown; of?: unknown };
  if (type === 'choice') return Array.isArray(of) && of.every((item) => typeof item === 'string');
  return ['number', 'integer', 'flag', 'text'].includes(type as string);
}

function fits(rule: OptionRule, value: unknown): boolean {
  switch (rule.type) {
    case 'number':
    case 'integer':
      return (
        typeof value === 'number' &&
        Number.isFinite(value) &&
        (rule.type === 'number' || Number.isInteger(value)) &&
        value >= (rule.min ?? -Infinity) &&
        value <= (rule.max ?? Infinity)
      );
    case 'choice':
      return rule.of.includes(value as string);
    case 'flag':
      return typeof value === 'boolean';
    case 'text':
      return typeof value === 'string' && value.length <= (rule.maxLength ?? 1_000);
  }
}

function wordsOf(rule: OptionRule): string {
  switch (rule.type) {
    case 'number':
    case 'integer': {
      const what = rule.type === 'integer' ? 'a whole number' : 'a number';
      const { min, max } = rule;
      if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`;
      return min !== undefined
        ? `${what} of at least ${min}`
        : max !== undefined
          ? `${what} of at most ${max}`
          : what;
    }
    case 'choice':
      return `one of ${rule.of.join(', ')}`;
    case 'flag':
      return 'true or false';
    case 'text':
      return `a text of at most ${rule.maxLength ?? 1_000} characters`;
  }
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80);
}
