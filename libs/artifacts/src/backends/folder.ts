import { randomUUID } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { access, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Backend } from './backend.js';

/**
 * Files under a directory, `<first two digits>/<sha256>`. A file appears whole or not at all: it is written aside, synced
 * and renamed. Two writers of the same artifact rename equal content over each other.
 */
export class FolderBackend implements Backend {
  readonly kind = 'folder';
  readonly where: string;
  readonly spoolDirectory: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.where = `the folder ${root}`;
    // On the same file system, so that a spooled file is kept by renaming it.
    this.spoolDirectory = join(root, 'incoming');
  }

  async exists(sha256: string): Promise<boolean> {
    return access(this.#path(sha256), constants.F_OK).then(() => true, ifMissing(false));
  }

  async write(sha256: string, bytes: Uint8Array): Promise<void> {
    if (await this.exists(sha256)) return;
    await mkdir(this.spoolDirectory, { recursive: true });
    const aside = join(this.spoolDirectory, `incoming-${process.pid}-${randomUUID()}`);
    try {
      const handle = await open(aside, 'wx');
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await this.#keep(sha256, aside);
    } finally {
      await rm(aside, { force: true });
    }
  }

  async writeFile(sha256: string, file: string): Promise<void> {
    if (!(await this.exists(sha256))) await this.#keep(sha256, file);
  }

  async read(sha256: string): Promise<Uint8Array | undefined> {
    return readFile(this.#path(sha256)).catch(ifMissing(undefined));
  }

  async stream(sha256: string): Promise<AsyncIterable<Uint8Array> | undefined> {
    const handle = await open(this.#path(sha256), 'r').catch(ifMissing(undefined));
    return handle === undefined ? undefined : createReadStream('', { fd: handle, highWaterMark: 256 * 1024 });
  }

  async close(): Promise<void> {
    // Nothing is held open between calls.
  }

  async #keep(sha256: string, file: string): Promise<void> {
    const target = this.#path(sha256);
    await mkdir(dirname(target), { recursive: true });
    await rename(file, target);
    await syncDirectory(dirname(target));
  }

  /** Callers have checked that this is a checksum; it can't lead out of the root. */
  #path(sha256: string): string {
    return join(this.#root, sha256.slice(0, 2), sha256);
  }
}

/** Makes a rename survive a power cut. Windows can't sync a directory and does not need it. */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ifMissing<R>(result: R): (error: NodeJS.ErrnoException) => R {
  return (error) => {
    if (error.code === 'ENOENT') return result;
    throw error;
  };
}
