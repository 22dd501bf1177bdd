import { stages } from './schedule.js';
import type { FaultKind } from './schedule.js';

/** A table of how often each kind of fault struck at each stage, and how many of the pairs were met. */
export function coverageTable(struck: readonly string[], kinds: readonly FaultKind[]): string[] {
  const counts = new Map<string, number>();
  for (const pair of struck) counts.set(pair, (counts.get(pair) ?? 0) + 1);
  const width = Math.max(...stages.map(({ type }) => type.length));
  const rows = stages.map(({ type }) => {
    const cells = kinds.map((kind) => String(counts.get(`${kind} ${type}`) ?? '·').padStart(kind.length));
    return `${type.padEnd(width)}  ${cells.join('  ')}`;
  });
  const all = stages.length * kinds.length;
  const met = stages.flatMap(({ type }) => kinds.filter((kind) => counts.has(`${kind} ${type}`))).length;
  return [
    `${''.padEnd(width)}  ${kinds.join('  ')}`,
    ...rows,
    `${met} of ${all} pairs of stage and fault were met`,
  ];
}
