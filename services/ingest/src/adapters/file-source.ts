import { constants } from 'node:fs';
import { open, realpath } from 'node:fs/promises';
import { sep } from 'node:path';
import { fileURLToPath } from 'node:url';

import { RetryableError, TerminalError } from '@rookery/contracts';

import type { OpenedSource } from '../application/ports.js';
import { shortUri } from '../application/read-source.js';

const CHUNK_BYTES = 1024 * 1024;

/**
 * Opens `file:///absolute/path`. Symbolic links are resolved first; the file must then lie below one of `roots` (any
 * folder where `roots` is undefined) and be an ordinary file. Throws RK_DATASET_URI_INVALID, RK_DATASET_NOT_FOUND,
 * RK_DATASET_URI_FORBIDDEN.
 */
export async function openFile(uri: string, roots: readonly string[] | undefined): Promise<OpenedSource> {
  const path = pathOf(uri);
  const real = await existing(uri, () => realpath(path));
  if (roots !== undefined && !(await isBelow(real, roots))) {
    throw new TerminalError(
      'RK_DATASET_URI_FORBIDDEN',
      `${shortUri(uri)} is not below a folder that may be read`,
      {
        details: { uri: shortUri(uri), roots: roots.join(':') },
        hint:
          roots.length === 0
            ? 'Set ROOKERY_FILE_ROOTS to the folders that data sets may lie in.'
            : `Put the file below ${roots.join(' or ')}, or add its folder to ROOKERY_FILE_ROOTS.`,
      },
    );
  }
  // O_NONBLOCK: opening a pipe must not wait for a writer. O_NOFOLLOW: the path was resolved, nobody may swap it for a link.
  const handle = await existing(uri, () =>
    open(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW),
  );
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
      try {
        for (;;) {
          const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, Math.max(4096, status.size)));
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
    return path;
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

async function isBelow(real: string, roots: readonly string[]): Promise<boolean> {
  for (const root of roots) {
    const folder = await realpath(root).catch(() => undefined);
    if (folder !== undefined && real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) return true;
  }
  return false;
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
