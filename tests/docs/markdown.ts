import { readFileSync } from 'node:fs';

/** Text of a file, by its path below the root of the repository. */
export function readFromRoot(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** Cells of every row of every table of a Markdown text whose first cell is `code`, by that code. */
export function tableRows(markdown: string): Map<string, string[]> {
  const rows = new Map<string, string[]>();
  for (const line of markdown.split('\n')) {
    if (!line.startsWith('| `')) continue;
    const cells = line
      .slice(1, -1)
      .split(/(?<!\\)\|/)
      .map((cell) => cell.trim());
    const code = /^`([^`]+)`$/.exec(cells[0] ?? '')?.[1];
    if (code === undefined) throw new Error(`A row begins with ${cells[0] ?? ''}`);
    if (rows.has(code)) throw new Error(`Two rows begin with ${code}`);
    rows.set(code, cells);
  }
  return rows;
}

/** The code blocks of a language. */
export function codeBlocks(markdown: string, language: string): string[] {
  return [...markdown.matchAll(new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'g'))].map(
    (match) => match[1] ?? '',
  );
}
