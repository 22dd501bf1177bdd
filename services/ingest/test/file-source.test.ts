import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadConfig } from '@rookery/service-kit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openFile } from '../src/adapters/file-source.js';
import type { FilePolicy } from '../src/adapters/file-source.js';
import { config, filePolicyOf } from '../src/config.js';
import { textOf } from './fixtures.js';

let folder: string;
const content = 'a,b\n1,2\n';

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'rookery-files-')));
  for (const name of ['allowed/deep', 'allowed/.secret', 'allowed/data', 'allowed-not', 'other'])
    await mkdir(join(folder, name), { recursive: true });
  for (const name of [
    'allowed/a b.csv',
    'allowed/deep/b.csv',
    'allowed/.secret/key.csv',
    'allowed/.env.csv',
    'allowed/data/store.csv',
    'allowed-not/c.csv',
    'other/d.csv',
    'secret.csv',
  ])
    await writeFile(join(folder, name), content);
  await symlink(join(folder, 'secret.csv'), join(folder, 'allowed', 'link.csv'));
  await symlink(join(folder, 'other'), join(folder, 'allowed', 'linked'));
  await symlink(join(folder, 'allowed', 'deep'), join(folder, 'allowed', 'inner'));
  await symlink(join(folder, 'allowed'), join(folder, 'root-link'));
});
afterAll(() => rm(folder, { recursive: true }));

const uriOf = (...parts: string[]): string => pathToFileURL(join(folder, ...parts)).href;
const below = (...parts: string[]): FilePolicy => ({ roots: [join(folder, ...parts)], hidden: true });

describe('a file is read', () => {
  test.each([
    ['below an allowed folder', 'allowed/a b.csv', 'allowed'],
    ['behind a link within it', 'allowed/inner/b.csv', 'allowed'],
    ['where the allowed folder is named by a link', 'root-link/deep/b.csv', 'root-link'],
    ['by its real path, where the allowed folder is named by a link', 'allowed/deep/b.csv', 'root-link'],
    ['in a hidden folder, where its root is named', 'allowed/.secret/key.csv', 'allowed'],
  ])('%s', async (_, path, root) => {
    expect(await textOf(await openFile(uriOf(path), below(root)))).toBe(content);
  });

  test('through .. that stays below, and percent-encoding', async () => {
    const uri = `${uriOf('allowed/deep')}/../%61%20b.csv`;
    expect(await textOf(await openFile(uri, below('allowed')))).toBe(content);
  });
});

describe('a file is refused with RK_DATASET_URI_FORBIDDEN, and the variable to set is named:', () => {
  test.each([
    ['beside the allowed folder', () => uriOf('secret.csv')],
    ['below a folder whose name only begins alike', () => uriOf('allowed-not/c.csv')],
    ['behind a link out of it', () => uriOf('allowed/link.csv')],
    ['behind a linked folder', () => uriOf('allowed/linked/d.csv')],
    ['through ..', () => `${uriOf('allowed')}/../secret.csv`],
    ['through encoded dots', () => `${uriOf('allowed')}/%2e%2e/secret.csv`],
    ['through half-encoded dots', () => `${uriOf('allowed')}/.%2E/secret.csv`],
    ['through a backslash', () => `${uriOf('allowed')}\\..\\secret.csv`],
    ['through doubled slashes', () => `file:////${folder}/secret.csv`],
    ['of the system', () => 'file:///etc/passwd'],
    ['of a process', () => 'file:///proc/self/environ'],
    ['that does not exist, so that nobody can ask what does', () => uriOf('no-such-file.csv')],
    ['that is the allowed folder itself', () => uriOf('allowed')],
  ])('one %s', async (_, uri) => {
    await expect(openFile(uri(), below('allowed'))).rejects.toMatchObject({
      name: 'TerminalError',
      code: 'RK_DATASET_URI_FORBIDDEN',
      hint: expect.stringContaining('ROOKERY_FILE_ROOTS') as string,
    });
  });

  test('any, where no folder is allowed', async () => {
    await expect(openFile(uriOf('secret.csv'), { roots: [], hidden: true })).rejects.toMatchObject({
      code: 'RK_DATASET_URI_FORBIDDEN',
    });
  });
});

test.each([
  ['a host', 'file://data/a.csv'],
  ['a UNC path', 'file://server/share/a.csv'],
  ['a NUL', 'file:///tmp/a%00.csv'],
  ['an encoded slash', 'file:///tmp/a%2f..%2fb.csv'],
  ['no absolute path', 'file:a%00.csv'],
])('a uri with %s is refused as invalid', async (_, uri) => {
  await expect(openFile(uri, { roots: undefined, hidden: true })).rejects.toMatchObject({
    code: 'RK_DATASET_URI_INVALID',
  });
});

test.each([
  ['a folder', () => uriOf('allowed')],
  ['a device', () => 'file:///dev/zero'],
  ['a file that is not there', () => uriOf('allowed/none.csv')],
])('%s is not found', async (_, uri) => {
  await expect(openFile(uri(), { roots: ['/'], hidden: true })).rejects.toMatchObject({
    code: 'RK_DATASET_NOT_FOUND',
  });
});

describe('by default', () => {
  const defaults = (env: Record<string, string>): FilePolicy =>
    filePolicyOf(loadConfig(config, env), join(folder, 'allowed'));

  test('on loopback the working directory and temporary files are open, without hidden ones', async () => {
    const policy = defaults({});
    expect(policy.roots).toEqual([join(folder, 'allowed'), tmpdir()]);
    // The folder for temporary files holds all of this test: the working directory alone is looked at.
    const own = { ...policy, roots: [join(folder, 'allowed')] };
    expect(await textOf(await openFile(uriOf('allowed/deep/b.csv'), own))).toBe(content);
    for (const path of ['allowed/.secret/key.csv', 'allowed/.env.csv', 'other/d.csv'])
      await expect(openFile(uriOf(path), own)).rejects.toMatchObject({ code: 'RK_DATASET_URI_FORBIDDEN' });
  });

  test("Rookery's own data is closed, unless a root lies below it", async () => {
    const env = { ROOKERY_DATA_DIR: join(folder, 'allowed/data') };
    const uri = uriOf('allowed/data/store.csv');
    for (const policy of [defaults(env), defaults({ ...env, ROOKERY_FILE_ROOTS: join(folder, 'allowed') })])
      await expect(openFile(uri, policy)).rejects.toMatchObject({ code: 'RK_DATASET_URI_FORBIDDEN' });
    const named = defaults({ ...env, ROOKERY_FILE_ROOTS: join(folder, 'allowed/data') });
    expect(await textOf(await openFile(uri, named))).toBe(content);
  });

  test('nothing is open on another address, and the root of the file system only where it is named', () => {
    expect(defaults({ ROOKERY_HOST: '0.0.0.0' }).roots).toEqual([]);
    expect(filePolicyOf(loadConfig(config, {}), '/').roots).not.toContain('/');
    expect(defaults({ ROOKERY_HOST: '0.0.0.0', ROOKERY_FILE_ROOTS: '/' }).roots).toEqual(['/']);
  });
});
