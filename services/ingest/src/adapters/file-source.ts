import { constants } from 'node:fs';
import { open, readlink, realpath } from 'node:fs/promises';
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { RetryableError, TerminalError } from '@rookery/contracts';

import type { OpenedSource } from '../application/ports.js';
import { shortUri } from '../application/read-source.js';

const CHUNK_BYTES = 1024 * 1024;

/** Which files may be read. */
export interface FilePolicy {
  /** Folders that they must lie below, absolute; undefined: any. */
  readonly roots: readonly string[] | undefined;
  /** Whether files and folders whose name begins with a dot may be read below the roots. */
  readonly hidden: boolean;
  /** A folder that is closed unless a root lies below it: Rookery's own data. */
  readonly closed?: string | undefined;
}

/**
 * Opens `file:///absolute/path`. The path, and what it leads to once all symbolic links are resolved, must be allowed
 * by the policy, and be an ordinary file. A path that is not allowed is refused before it is looked at, so that nobody can
 * ask what exists. Throws RK_DATASET_URI_INVALID, RK_DATASET_URI_FORBIDDEN, RK_DATASET_NOT_FOUND.
 */
export async function openFile(uri: string, policy: FilePolicy): Promise<OpenedSource> {
  const path = pathOf(uri);
  const allowed = await allowedBy(policy);
  if (!allowed(path)) throw forbidden(uri, policy);
  const real = await existing(uri, () => realpath(path));
  if (!allowed(real)) throw forbidden(uri, policy);
  // O_NONBLOCK: opening a pipe must not wait for a writer. O_NOFOLLOW: the path was resolved, nobody may swap it for a link.
  const handle = await existing(uri, () =>
    open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW),
  );
  if (!(await isStill(real, handle.fd))) {
    await handle.close();
    throw forbidden(uri, policy);
  }
  const status = await handle.stat();
  if (!status.isFile()) {
    await handle.close();
    throw new TerminalError(
      'RK_DATASET_NOT_FOUND',
      `${shortUri(uri)} is ${status.isDirectory() ? 'a folder' : 'no ordinary file'}`,
      {
        details: { uri: shortUri(uri) },
      },
    );
  }
  return {
    bytes: status.size,
    chunks: (async function* () {
      // One piece of memory for all of them: a new one each is garbage by the megabyte.
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(4096, status.size)));
      try {
        for (;;) {
          const { bytesRead } = await handle.read(chunk, 0, chunk.length);
          if (bytesRead === 0) return;
          yield chunk.subarray(0, bytesRead);
        }
      } catch (error) {
        throw systemError(uri, error);
      } finally {
        await handle.close();
      }
    })(),
  };
}

function pathOf(uri: string): string {
  try {
    const url = new URL(uri);
    if (url.hostname !== '' && url.hostname !== 'localhost') throw new TypeError(`host ${url.hostname}`);
    const path = fileURLToPath(url);
    if (path.includes('\0')) throw new TypeError('NUL');
    return resolve(path);
  } catch (error) {
    throw new TerminalError(
      'RK_DATASET_URI_INVALID',
      `${shortUri(uri)} is no file uri with an absolute path`,
      {
        details: { field: 'uri', uri: shortUri(uri) },
        hint: 'Write file:// and the absolute path: file:///data/penguins.csv.',
        cause: error,
      },
    );
  }
}

type Allowed = (path: string) => boolean;

/** The policy as a test of absolute paths without `..`. */
async function allowedBy({ roots, hidden, closed }: FilePolicy): Promise<Allowed> {
  if (roots === undefined) return () => true;
  const folders = (await Promise.all(roots.map(bothForms))).flat();
  const shut = closed === undefined ? [] : await bothForms(closed);
  return (path) =>
    folders.some((folder) => {
      if (!isBelow(path, folder)) return false;
      if (!hidden && /(^|[/\\])\./.test(path.slice(folder.length))) return false;
      return !shut.some((own) => isBelow(path, own) && folder !== own && !isBelow(folder, own));
    });
}

/** A folder as it is named and as it is with its links resolved. */
async function bothForms(folder: string): Promise<string[]> {
  const named = resolve(folder);
  const real = await realpath(named).catch(() => named);
  return real === named ? [named] : [named, real];
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** Whether the open file is the one of this path: no folder on the way became a link in the meantime. Linux can tell. */
async function isStill(real: string, fd: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  return (await readlink(`/proc/self/fd/${fd}`).catch(() => real)) === real;
}

function forbidden(uri: string, { roots = [] }: FilePolicy): TerminalError {
  return new TerminalError(
    'RK_DATASET_URI_FORBIDDEN',
    `${shortUri(uri)} is not below a folder that may be read`,
    {
      details: { uri: shortUri(uri), roots: roots.join(':'), variable: 'ROOKERY_FILE_ROOTS' },
      hint:
        roots.length === 0
          ? 'Set ROOKERY_FILE_ROOTS to the folders that data sets may lie in.'
          : `Put the file below ${roots.join(' or ')} (outside hidden folders), or add its folder to ROOKERY_FILE_ROOTS.`,
    },
  );
}

async function existing<T>(uri: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw systemError(uri, error);
  }
}

function systemError(uri: string, error: unknown): Error {
  const code = (error as { code?: unknown }).code;
  const shown = shortUri(uri);
  if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'ENAMETOOLONG' || code === 'ELOOP') {
    return new TerminalError('RK_DATASET_NOT_FOUND', `There is no file ${shown}`, {
      details: { uri: shown },
      cause: error,
    });
  }
  if (code === 'EACCES' || code === 'EPERM') {
    return new TerminalError('RK_DATASET_URI_FORBIDDEN', `The ingest service may not read ${shown}`, {
      details: { uri: shown },
      hint: 'Let the user that runs the service read the file.',
      cause: error,
    });
  }
  return new RetryableError('RK_DATASET_UNREACHABLE', `${shown} can not be read (${String(code)})`, {
    details: { uri: shown },
    cause: error,
  });
}
