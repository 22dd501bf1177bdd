import { readFileSync } from 'node:fs';
import { columnFromValues, createTable } from '../src/index.js';
import type { Table } from '../src/index.js';

/** A column as the generators write it. */
export interface GoldenColumn {
  type: 'numeric' | 'categorical';
  values: (number | string | null)[];
}

/** Cases of a golden file of tests/golden. */
export function goldenCases<T>(file: string): T[] {
  return (goldenJson(file) as { cases: T[] }).cases;
}

/** A golden file of tests/golden. */
export function goldenJson(file: string): unknown {
  return JSON.parse(readFileSync(new URL(`../../../tests/golden/${file}`, import.meta.url), 'utf8'));
}

/** A table as the generators write it. */
export function goldenTable(columns: Record<string, GoldenColumn>): Table {
  return createTable(
    Object.entries(columns).map(([name, { type, values }]) => columnFromValues(name, type, values)),
  );
}

/** Relative distance of two numbers; absolute below `floor`, and 0 for equal ones. */
export function relativeError(actual: number, expected: number, floor = 0): number {
  if (actual === expected) return 0;
  const error = Math.abs(actual - expected) / Math.max(Math.abs(expected), floor);
  return Number.isNaN(error) ? Infinity : error;
}
