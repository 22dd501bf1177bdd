import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { TerminalError } from '@rookery/contracts';
import { digestOfToken, newToken, parseTokenFile } from '@rookery/service-kit/tokens';
import { Command } from 'commander';

import { output } from '../output.js';
import { renderTable } from '../table.js';

interface FileEntry {
  readonly name: string;
  readonly sha256: string;
  readonly roles: readonly string[];
  readonly expires?: string;
}

interface FileContent {
  readonly tokens: readonly FileEntry[];
  readonly certificates?: readonly unknown[];
}

const fileOption = ['--file <file>', 'file of the tokens; default ROOKERY_TOKENS_FILE'] as const;

/** `rookery tokens create | list | revoke`: the tokens that callers show to the services. */
export function tokensCommand(): Command {
  const command = new Command('tokens')
    .description('Make, list and revoke the tokens that callers show')
    .enablePositionalOptions();
  command
    .command('create')
    .description('Make a token, print it once, and keep its hash in the file')
    .requiredOption('--name <name>', 'who it is for; stands in logs and in the history of aliases')
    .requiredOption('--roles <roles>', 'predict, publish, read, admin, delegate: one, or several with commas')
    .option('--expires <time>', 'ISO 8601 time from which on it is not valid')
    .option(...fileOption)
    .action((flags: { name: string; roles: string; expires?: string; file?: string }) => {
      const file = fileOf(flags.file);
      const content = readFile(file);
      if (content.tokens.some(({ name }) => name === flags.name))
        throw invalid(
          `${file} has a token of ${flags.name} already`,
          'Choose another name, such as one with a number.',
        );
      const token = newToken();
      const entry: FileEntry = {
        name: flags.name,
        sha256: digestOfToken(token).toString('hex'),
        roles: flags.roles.split(',').map((role) => role.trim()),
        ...(flags.expires === undefined ? {} : { expires: flags.expires }),
      };
      writeFile(file, { ...content, tokens: [...content.tokens, entry] });
      console.error(`The token of ${flags.name}; it is shown this once:`);
      console.log(token);
    });
  command
    .command('list')
    .description('List the tokens of the file, without the tokens')
    .option(...fileOption)
    .option('--json', 'JSON')
    .action((flags: { file?: string; json?: boolean }) => {
      const tokens = readFile(fileOf(flags.file)).tokens.map(({ name, roles, expires }) => ({
        name,
        roles,
        expires,
      }));
      output(flags.json, tokens, () =>
        renderTable(
          ['NAME', 'ROLES', 'EXPIRES'],
          tokens.map(({ name, roles, expires }) => [name, roles.join(' '), expires ?? 'never']),
        ),
      );
    });
  command
    .command('revoke')
    .description('Take a token out of the file; services notice within a second')
    .argument('<name>')
    .option(...fileOption)
    .action((name: string, flags: { file?: string }) => {
      const file = fileOf(flags.file);
      const content = readFile(file);
      const tokens = content.tokens.filter((entry) => entry.name !== name);
      if (tokens.length === content.tokens.length)
        throw invalid(`${file} has no token of ${name}`, 'rookery tokens list shows those that it has.');
      writeFile(file, { ...content, tokens });
      console.log(`${name} is revoked`);
    });
  return command;
}

function fileOf(given: string | undefined): string {
  const file = given ?? process.env['ROOKERY_TOKENS_FILE'];
  if (file) return file;
  throw invalid('No file of tokens is named', 'Give --file, or set ROOKERY_TOKENS_FILE.');
}

function readFile(file: string): FileContent {
  if (!existsSync(file)) return { tokens: [] };
  const text = readFileSync(file, 'utf8');
  check(file, text);
  const content = JSON.parse(text) as Partial<FileContent>;
  return { ...content, tokens: content.tokens ?? [] };
}

/** Written aside and renamed: a service that reads it meanwhile sees the one or the other. */
function writeFile(file: string, content: FileContent): void {
  const text = `${JSON.stringify(content, null, 2)}\n`;
  check(file, text);
  writeFileSync(`${file}.next`, text, { mode: 0o600 });
  renameSync(`${file}.next`, file);
}

function check(file: string, text: string): void {
  try {
    parseTokenFile(text);
  } catch (error) {
    throw invalid(`${file}: ${(error as Error).message}`, 'docs/security.md describes the file.');
  }
}

function invalid(message: string, hint: string): TerminalError {
  return new TerminalError('RK_CONFIG_INVALID', message, { hint });
}
