import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AppendFile } from '../src/embedded/append-file.js';

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'rookery-append-'));
  path = join(directory, 'lines');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('what is appended is in the file when append returns, after what was there', () => {
  writeFileSync(path, 'first\n');
  const file = new AppendFile(path);
  file.append('second é\n');
  expect(readFileSync(path, 'utf8')).toBe('first\nsecond é\n');
  file.append('third\n');
  file.close();
  file.append('fourth\n');
  expect(readFileSync(path, 'utf8')).toBe('first\nsecond é\nthird\nfourth\n');
  file.close();
});

test('a line goes into the file that has the path, where the one before was moved away or removed', () => {
  const file = new AppendFile(path);
  file.append('a\n');
  renameSync(path, join(directory, 'moved'));
  file.append('b\n');
  expect(readFileSync(path, 'utf8')).toBe('b\n');
  writeFileSync(join(directory, 'another'), 'c\n');
  renameSync(join(directory, 'another'), path);
  file.append('d\n');
  expect(readFileSync(path, 'utf8')).toBe('c\nd\n');
  rmSync(path);
  file.append('e\n');
  expect(readFileSync(path, 'utf8')).toBe('e\n');
  file.close();
});

test('a file whose folder is gone takes no line', () => {
  const inner = join(directory, 'folder');
  const file = new AppendFile(join(inner, 'lines'));
  expect(() => file.append('a\n')).toThrow('ENOENT');
  file.close();
  const other = new AppendFile(path);
  other.append('a\n');
  rmSync(directory, { recursive: true });
  expect(() => other.append('b\n')).toThrow('ENOENT');
});
