import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What the oracle says of a case: a value, or that it refuses it and why. */
export type Answer<T> = { readonly value: T } | { readonly error: string };

/** A Python that answers what scikit-learn and SciPy say. */
export interface Oracle {
  readonly versions: Readonly<Record<string, string>>;
  /** Answers come in the order of the questions. */
  ask<T>(question: object): Promise<Answer<T>>;
  close(): void;
}

/** The versions that the rules of comparison were written for. */
const WANTED = { 'scikit-learn': '1.9.1', scipy: '1.17.1' } as const;

/** Starts the Python of DIFFERENTIAL_PYTHON, else `python3`. Throws words for a person where it lacks the libraries. */
export async function openOracle(root: string): Promise<Oracle> {
  const python = process.env['DIFFERENTIAL_PYTHON'] ?? 'python3';
  const child = spawn(python, ['tests/differential/oracle.py'], {
    cwd: root,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  // A Python that is not there, or ends, is told by the end of its lines.
  child.once('error', () => undefined);
  child.stdin.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    return done === true ? undefined : JSON.parse(value, revived);
  };
  const hello = (await answer()) as { versions: Record<string, string> } | undefined;
  const wrong = Object.entries(WANTED).filter(([name, version]) => hello?.versions[name] !== version);
  if (hello === undefined || wrong.length > 0) {
    child.stdin.end();
    const wanted = Object.entries(WANTED).map((pair) => pair.join(' '));
    throw new Error(
      `${python} has not ${wanted.join(' and ')}; set DIFFERENTIAL_PYTHON to a Python that has both.`,
    );
  }
  return {
    versions: hello.versions,
    async ask<T>(question: object) {
      child.stdin.write(`${JSON.stringify(question, replaced)}\n`);
      const said = await answer();
      if (said === undefined) throw new Error(`The oracle ended at ${JSON.stringify(question, replaced)}`);
      return said as Answer<T>;
    },
    close: () => child.stdin.end(),
  };
}

/** Numbers that JSON lacks, written down. */
function replaced(_: string, value: unknown): unknown {
  if (ArrayBuffer.isView(value)) return Array.from(value as Float64Array);
  if (typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))) return value;
  return { f: Number.isNaN(value) ? 'nan' : value === 0 ? '-0.0' : value > 0 ? 'inf' : '-inf' };
}

function revived(_: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('f' in value) || typeof value.f !== 'string')
    return value;
  return { nan: NaN, inf: Infinity, '-inf': -Infinity }[value.f] ?? value;
}
