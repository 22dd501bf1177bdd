import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface Spooled {
  readonly file: string;
  readonly sha256: string;
  readonly size: number;
  /** Removes the file where it is still there. */
  remove(): Promise<void>;
}

/** Writes a stream to a file of its own while computing its checksum, as the name under which it will be kept. */
export async function spool(source: AsyncIterable<Uint8Array>, directory: string): Promise<Spooled> {
  await mkdir(directory, { recursive: true });
  const file = join(directory, `incoming-${process.pid}-${randomUUID()}`);
  const remove = (): Promise<void> => rm(file, { force: true });
  const hash = createHash('sha256');
  let size = 0;
  try {
    const handle = await open(file, 'wx');
    try {
      for await (const chunk of source) {
        hash.update(chunk);
        size += chunk.byteLength;
        await handle.writeFile(chunk);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return { file, sha256: hash.digest('hex'), size, remove };
}
