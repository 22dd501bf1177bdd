import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { RetryableError, TerminalError } from '@rookery/contracts';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { rowsOf } from '../src/commands/predict.js';
import { countOption, numberOption } from '../src/number-option.js';
import { output } from '../src/output.js';
import { shortNumber } from '../src/progress/step-line.js';
import { exitCodes, reportFailure } from '../src/report-failure.js';
import { renderTable, shortTime } from '../src/table.js';

const stdout: string[] = [];
const stderr: string[] = [];

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation((text: string) => void stdout.push(text));
  vi.spyOn(console, 'error').mockImplementation((text: string) => void stderr.push(text));
});

afterEach(() => {
  vi.restoreAllMocks();
  stdout.length = 0;
  stderr.length = 0;
});

describe('a table', () => {
  it('has its columns aligned, numbers to the right, and no space at the ends of lines', () => {
    const table = renderTable(
      ['NAME', 'ROWS', 'NOTE'],
      [
        ['penguins', 344, ''],
        ['ab', 7, 'new'],
      ],
    );
    expect(table.split('\n')).toEqual(['NAME      ROWS  NOTE', 'penguins   344', 'ab           7  new']);
  });

  it('without rows is its header', () => {
    expect(renderTable(['NAME', 'ROWS'], [])).toBe('NAME  ROWS');
  });

  it('shows a time to the second, and a dash for none', () => {
    expect(shortTime(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toBe('2026-01-02 03:04:05');
    expect(shortTime(0)).toBe('–');
  });

  it('shows numbers with four digits, large ones with one, and what is no number as it is', () => {
    expect([0.98765, 12_345.678, NaN].map(shortNumber)).toEqual(['0.9877', '12345.7', 'NaN']);
  });
});

describe('a result', () => {
  it('is one line of JSON where that is asked for, and text otherwise', () => {
    output(true, { a: [1, 2] }, () => 'text');
    output(undefined, { a: [1, 2] }, () => 'text');
    expect(stdout).toEqual(['{"a":[1,2]}', 'text']);
  });
});

describe('rows to predict', () => {
  it('are a JSON object, or an array of them; null stays missing', () => {
    expect(rowsOf('{"a":1,"b":null}')).toEqual([{ a: 1, b: null }]);
    expect(rowsOf('[{"a":1},{"a":true}]')).toEqual([{ a: 1 }, { a: true }]);
  });

  it('are read from a file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'rookery-cli-'));
    writeFileSync(join(folder, 'rows.json'), '[{"a":"x"}]');
    expect(rowsOf(`@${join(folder, 'rows.json')}`)).toEqual([{ a: 'x' }]);
    rmSync(folder, { recursive: true });
  });

  it.each(['{"a":', '[1]', 'null', '"text"', '[[1]]'])('%s is refused with RK_REQUEST_INVALID', (text) => {
    expect(() => rowsOf(text)).toThrow(expect.objectContaining({ code: 'RK_REQUEST_INVALID' }));
  });

  it('that name a file that is not there are refused, naming it', () => {
    expect(() => rowsOf('@/nowhere/rows.json')).toThrow(
      expect.objectContaining({
        code: 'RK_REQUEST_INVALID',
        message: expect.stringContaining('/nowhere/rows.json'),
      }),
    );
  });
});

describe('a failure', () => {
  it('is told with its code, its message and what to do next; the exit code is 1', () => {
    const error = new TerminalError('RK_RUN_NOT_FOUND', 'There is no run x', { hint: 'List the runs.' });
    expect(reportFailure(error)).toBe(exitCodes.failed);
    expect(stderr).toEqual(['RK_RUN_NOT_FOUND: There is no run x', 'List the runs.']);
  });

  it('of reaching the system has the exit code 69 and says how to start it', () => {
    expect(reportFailure(new RetryableError('RK_BUS_UNAVAILABLE', 'no broker'))).toBe(69);
    expect(reportFailure(Object.assign(new Error('14 UNAVAILABLE: no connection'), { code: 14 }))).toBe(69);
    expect(stderr.join('\n')).toContain('npm start');
  });

  it('of any other kind is told in its own words', () => {
    expect(reportFailure(new Error('odd'))).toBe(1);
    expect(reportFailure('thrown text')).toBe(1);
    expect(stderr).toEqual(['odd', 'thrown text']);
  });
});

describe('a number on the command line', () => {
  it('is taken in any form that is a number', () => {
    expect(['0.7', '-1', '1e-3', ' 5 '].map((text) => numberOption('--threshold', text))).toEqual([
      0.7, -1, 0.001, 5,
    ]);
    expect(countOption('--limit', '20')).toBe(20);
  });

  it.each(['five', '', ' ', 'NaN', 'Infinity', '1,5'])('%j is refused with the option named', (text) => {
    expect(() => numberOption('--threshold', text)).toThrow(
      expect.objectContaining({ code: 'RK_REQUEST_INVALID', details: { field: '--threshold', value: text } }),
    );
  });

  it.each(['1.5', '-1', '4294967296'])('%s is no count', (text) => {
    expect(() => countOption('--limit', text)).toThrow(
      expect.objectContaining({ code: 'RK_REQUEST_INVALID' }),
    );
  });
});
