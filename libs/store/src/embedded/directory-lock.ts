/**
 * One process at a time per database directory: two would overwrite each other's files.
 *
 * Every process that opens puts down a file of its own first and then looks for others; it withdraws where it sees one
 * of a live process. Of two processes the later one to put its file down always sees the earlier one's, and nobody
 * removes a file of a live process but its owner, so that never both go on. Files of dead processes are swept away.
 */
import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { StoreLockedError } from '../errors.js';

interface Owner {
  pid: number;
  /** Start time of the process in kernel ticks, so that a pid used again is not taken for the owner. Linux only. */
  started?: string;
  host: string;
  token: string;
}

const HELD = 'store.lock.';
const OPENING = 'store.opening.';
const ATTEMPTS = 20;
const TOKENS = Symbol.for('rookery.store.locks');

/** Takes the directory's lock and returns the function that gives it back. Throws StoreLockedError where it is held. */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const started = await startTime(process.pid);
  const token = randomUUID();
  const owner: Owner = { pid: process.pid, host: hostname(), token, ...(started ? { started } : {}) };
  heldTokens().add(token);
  try {
    const held = await acquire(directory, owner);
    return async () => {
      heldTokens().delete(token);
      await rm(held, { force: true });
    };
  } catch (error) {
    heldTokens().delete(token);
    throw error;
  }
}

async function acquire(directory: string, owner: Owner): Promise<string> {
  const opening = join(directory, `${OPENING}${owner.token}`);
  const held = join(directory, `${HELD}${owner.token}`);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    await putDown(opening, owner);
    const other = await liveOther(directory, owner.token);
    if (other === undefined) {
      // Linked before the other name goes, so that a listing at this moment shows at least one of them.
      await link(opening, held);
      await rm(opening, { force: true });
      return held;
    }
    await rm(opening, { force: true });
    if (other.held) throw locked(directory, other.owner);
    // Somebody else is at the same point; whoever comes back first alone gets it.
    await delay(Math.random() * 5 * (attempt + 1));
  }
  throw new StoreLockedError(
    `Other processes are opening the store directory '${directory}' at this moment; try again.`,
    {
      directory,
    },
  );
}

/** Makes the file appear with its whole content at once, so that no reader takes a half-written one for a dead one. */
async function putDown(file: string, owner: Owner): Promise<void> {
  const draft = join(file, '..', `store.draft.${owner.token}`);
  try {
    await writeFile(draft, JSON.stringify(owner));
    await link(draft, file);
  } finally {
    // Also where the disk is full: a service that keeps trying must not fill it with drafts.
    await rm(draft, { force: true });
  }
}

async function liveOther(
  directory: string,
  ownToken: string,
): Promise<{ owner: Owner; held: boolean } | undefined> {
  let found: { owner: Owner; held: boolean } | undefined;
  for (const name of await readdir(directory)) {
    const held = name.startsWith(HELD);
    if ((!held && !name.startsWith(OPENING)) || name.endsWith(ownToken)) continue;
    const file = join(directory, name);
    const owner = await readOwner(file);
    if (owner === 'gone') {
      // Renamed from opening to held, or given back, since the listing: look again.
      return liveOther(directory, ownToken);
    }
    if (owner === undefined || !(await isAlive(owner))) await rm(file, { force: true });
    else if (found === undefined || held) found = { owner, held };
  }
  return found;
}

async function readOwner(file: string): Promise<Owner | 'gone' | undefined> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'gone';
    throw error;
  }
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** Whether the process that put the file down still runs. One of another host name was another container: it is gone. */
async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.host !== hostname()) return false;
  if (owner.pid === process.pid && heldTokens().has(owner.token)) return true;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const started = await startTime(owner.pid);
  if (started !== undefined && owner.started !== undefined) return started === owner.started;
  // Without start times, our own pid in a lock that we do not hold means that the pid was used again.
  return owner.pid !== process.pid;
}

async function startTime(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Fields after the command name, which may itself contain spaces and parentheses; start time is field 22.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A zombie holds no files any more.
    return fields[0] === 'Z' ? 'dead' : fields[19];
  } catch {
    return undefined;
  }
}

function heldTokens(): Set<string> {
  const scope = globalThis as { [TOKENS]?: Set<string> };
  return (scope[TOKENS] ??= new Set());
}

function locked(directory: string, owner: Owner): StoreLockedError {
  return new StoreLockedError(
    `The store directory '${directory}' is open in another live process (pid ${owner.pid}). ` +
      'Stop that process, or give this one another data directory.',
    { directory, pid: String(owner.pid) },
  );
}
