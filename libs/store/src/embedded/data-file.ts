/**
 * The state of a data file after a crash. The engine appends one line a write and answers after it; a process killed in
 * between leaves at most one unfinished last line, whose write was never acknowledged.
 */
import { open, type FileHandle } from 'node:fs/promises';

const NEWLINE = 0x0a;
const BLOCK = 64 * 1024;

/**
 * Cuts an unfinished last line off the file and returns how many bytes went (0 mostly, and where there is no file).
 * Every line that ends in a newline stays: these are all acknowledged writes.
 */
export async function trimTornTail(file: string): Promise<number> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    const { size } = await handle.stat();
    const end = await endOfLastLine(handle, size);
    if (end === size) return 0;
    await handle.truncate(end);
    await handle.sync();
    return size - end;
  } finally {
    await handle.close();
  }
}

async function endOfLastLine(handle: FileHandle, size: number): Promise<number> {
  const block = Buffer.alloc(BLOCK);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - BLOCK);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    const at = block.subarray(0, bytesRead).lastIndexOf(NEWLINE);
    if (at >= 0) return start + at + 1;
    end = start;
  }
  return 0;
}
