import { closeSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';

/**
 * Appends to the file of a path, which is opened once. A write is done when `append` returns, in this thread: it goes into
 * the operating system's memory, which takes microseconds; handing the opening, the writing and the closing to threads of
 * the pool, one after the other, takes many times as long. Otherwise as `fs.appendFile`: what is appended goes into the
 * file that has the path at that moment, also where another one was put in its place, or none was left.
 */
export class AppendFile {
  readonly #path: string;
  #open: { readonly fd: number; readonly inode: number } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** Throws what the file system throws; part of the text may be in the file then. */
  append(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    try {
      if (this.#isElsewhere()) this.close();
      const { fd } = (this.#open ??= this.#opened());
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Lets go of the file; the next `append` opens the one that has the path then. */
  close(): void {
    const open = this.#open;
    this.#open = undefined;
    if (open !== undefined) closeSync(open.fd);
  }

  #opened(): { fd: number; inode: number } {
    const fd = openSync(this.#path, 'a', 0o644);
    return { fd, inode: fstatSync(fd).ino };
  }

  /** Whether the path leads to another file than the open one, or to none. */
  #isElsewhere(): boolean {
    return statSync(this.#path, { throwIfNoEntry: false })?.ino !== this.#open?.inode;
  }
}
