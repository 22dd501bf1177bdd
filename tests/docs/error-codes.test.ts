import { errorCodes } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';

import { renderErrorCodes } from './error-codes.js';
import { readFromRoot, tableRows } from './markdown.js';
import { sourceFiles } from './source-files.js';

/** Codes that may be in the table although no code throws them, with the reason. */
const unused: Readonly<Record<string, string>> = {};

const files = sourceFiles().filter((file) => file.path !== 'libs/contracts/src/error-codes.ts');
const known = Object.keys(errorCodes);

describe('docs/error-codes.md', () => {
  const document = readFromRoot('docs/error-codes.md');

  it('is what the table of codes says (npm run docs)', () => {
    expect(document).toBe(renderErrorCodes());
  });

  it('has every code once', () => {
    expect([...tableRows(document).keys()].sort()).toEqual([...known].sort());
  });
});

describe('the table of codes', () => {
  it('has every code that is mentioned in a library or a service', () => {
    const strangers = files.flatMap(({ path, text }) =>
      [...text.matchAll(/\bRK_[A-Z_]*[A-Z_]/g)]
        .map(([code]) => code)
        // RK_ARTIFACT_* in a comment stands for all that begin so.
        .filter((code) =>
          code.endsWith('_') ? !known.some((name) => name.startsWith(code)) : !known.includes(code),
        )
        .map((code) => `${code} in ${path}`),
    );
    expect(strangers).toEqual([]);
  });

  it('has no code that nobody uses', () => {
    const used = new Set(
      files.flatMap(({ text }) => [...text.matchAll(/['"`](RK_[A-Z_]+)['"`]/g)].map((match) => match[1])),
    );
    expect(known.filter((code) => !used.has(code))).toEqual(Object.keys(unused));
  });

  it('says in whole sentences what happened and what to do', () => {
    for (const [code, entry] of Object.entries(errorCodes)) {
      expect(entry.meaning, code).toMatch(/^[A-Z].*\.$/);
      expect(entry.whatToDo, code).toMatch(/^[A-Z].*\.$/);
    }
  });
});
