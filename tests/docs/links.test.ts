import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { errorCodes } from '@rookery/contracts';
import { describe, expect, it } from 'vitest';

import { readFromRoot } from './markdown.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const markdownBelow = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/(^|\/)(node_modules|dist)\//.test(file))
    .map((file) => `${folder}/${file}`);
const documents = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...['docs', 'deploy', 'data'].flatMap(markdownBelow),
];

describe('the documents', () => {
  it.each(documents)('%s links to files that exist', (path) => {
    const links = [...readFromRoot(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      (match) => match[1] ?? '',
    );
    const broken = links.filter((link) => !existsSync(join(root, dirname(path), decodeURIComponent(link))));
    expect(broken).toEqual([]);
  });

  it('that the advice of an error names exist', () => {
    for (const [code, { whatToDo }] of Object.entries(errorCodes)) {
      for (const [path] of whatToDo.matchAll(/docs\/[\w/-]+\.md/g))
        expect(existsSync(join(root, path)), `${code}: ${path}`).toBe(true);
    }
  });
});

describe('the decisions in docs/adr', () => {
  const files = readdirSync(join(root, 'docs/adr'))
    .filter((file) => /^\d/.test(file))
    .sort();

  it('are numbered from 0001 without a gap', () => {
    expect(files.map((file) => Number(file.slice(0, 4)))).toEqual(files.map((_, index) => index + 1));
  });

  it.each(files)(
    '%s has its number, a status, a date, and says why, what and with which consequences',
    (file) => {
      const text = readFromRoot(`docs/adr/${file}`);
      expect(text).toMatch(
        new RegExp(
          `^# ${file.slice(0, 4)}\\. .+\n\n- Status: (proposed|accepted|superseded by \\[.+)\n- Date: \\d{4}-\\d\\d-\\d\\d\n`,
        ),
      );
      for (const heading of ['Context', 'Decision', 'Consequences'])
        expect(text).toContain(`\n## ${heading}\n`);
      expect(readFromRoot('docs/adr/README.md')).toContain(`](${file})`);
    },
  );
});
