import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';

/** A file of the user interface. */
export interface StaticFile {
  readonly bytes: Buffer;
  readonly type: string;
  readonly etag: string;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * All files of a folder that a browser needs, by URL path, read once: a request can't reach any other file. `/` is
 * index.html.
 */
export async function loadStaticFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const files = new Map<string, StaticFile>();
  const names = await readdir(folder, { recursive: true });
  await Promise.all(
    names.map(async (name) => {
      const type = types[extname(name)];
      if (type === undefined) return;
      const bytes = await readFile(join(folder, name));
      const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`;
      files.set(`/${name.split(sep).join('/')}`, { bytes, type, etag });
    }),
  );
  const index = files.get('/index.html');
  if (!index) throw new Error(`There is no index.html in ${folder}`);
  files.set('/', index);
  return files;
}
