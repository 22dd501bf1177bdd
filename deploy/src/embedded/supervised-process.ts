import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createWriteStream, mkdirSync } from 'node:fs';
import type { WriteStream } from 'node:fs';
import { dirname } from 'node:path';

/** How to run and keep alive one process. */
export interface SupervisedOptions {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Its output goes here, appended. */
  readonly logFile: string;
  /** Called at every exit that was not asked for, before the restart. */
  readonly onCrash?: (event: {
    name: string;
    code: number | null;
    signal: string | null;
    restartInMs: number;
  }) => void;
  /** An exit code that a restart can't mend, such as 78 for a bad configuration: `onFatal` is called instead. */
  readonly fatalExitCodes?: readonly number[];
  readonly onFatal?: (event: { name: string; code: number; lastLines: string[] }) => void;
}

const firstRestartMs = 100;
const longestRestartMs = 5_000;
const stableAfterMs = 10_000;
const keptLines = 20;

/**
 * A child process that is started again when it dies: at once-ish (100 ms) the first time, then with a doubling delay up
 * to 5 s; after 10 s of life the delay starts anew. An IPC channel ties the child's life to ours: service-kit ends a
 * service whose launcher is gone, even by kill -9.
 */
export class SupervisedProcess {
  readonly name: string;
  readonly #options: SupervisedOptions;
  readonly #log: WriteStream;
  readonly #lastLines: string[] = [];
  #child: ChildProcess | undefined;
  #stopping = false;
  #restarts = 0;
  #delayMs = firstRestartMs;
  #startedAt = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: SupervisedOptions) {
    this.name = options.name;
    this.#options = options;
    mkdirSync(dirname(options.logFile), { recursive: true });
    this.#log = createWriteStream(options.logFile, { flags: 'a' });
  }

  /** Process id while it runs. */
  get pid(): number | undefined {
    return this.#child?.exitCode === null && this.#child.signalCode === null ? this.#child.pid : undefined;
  }

  /** How often it was started again. */
  get restarts(): number {
    return this.#restarts;
  }

  start(): void {
    const { program, args, env, cwd } = this.#options;
    this.#startedAt = Date.now();
    const child = spawn(program, args, {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      detached: true,
    });
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.#log.write(chunk);
      this.#lastLines.push(...chunk.toString('utf8').split('\n').filter(Boolean));
      if (this.#lastLines.length > keptLines) this.#lastLines.splice(0, this.#lastLines.length - keptLines);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    child.once('error', (error) => {
      this.#log.write(`${error.message}\n`);
      if (child.pid === undefined) this.#exited(null, null);
    });
    child.once('exit', (code, signal) => {
      const fatal = code !== null && this.#options.fatalExitCodes?.includes(code) === true;
      // What it said last may still be in the pipe, and is what a fatal end is explained with.
      if (fatal) child.once('close', () => this.#exited(code, signal));
      else this.#exited(code, signal);
    });
  }

  #exited(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#stopping) return;
    const { onCrash, onFatal, fatalExitCodes } = this.#options;
    if (code !== null && fatalExitCodes?.includes(code)) {
      onFatal?.({ name: this.name, code, lastLines: [...this.#lastLines] });
      return;
    }
    if (Date.now() - this.#startedAt > stableAfterMs) this.#delayMs = firstRestartMs;
    const restartInMs = this.#delayMs;
    this.#delayMs = Math.min(this.#delayMs * 2, longestRestartMs);
    onCrash?.({ name: this.name, code, signal, restartInMs });
    this.#timer = setTimeout(() => {
      this.#restarts += 1;
      this.start();
    }, restartInMs);
  }

  /** Sends a signal to the running process; returns whether there was one. */
  kill(signal: NodeJS.Signals): boolean {
    return this.pid !== undefined && this.#child !== undefined && this.#child.kill(signal);
  }

  /** Asks it to end (SIGTERM), ends it after `graceMs` (SIGKILL), and resolves when it is gone. Never restarts it after. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    const child = this.#child;
    if (child && this.pid !== undefined) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
        child.once('exit', () => {
          clearTimeout(timer);
          resolve();
        });
        child.kill('SIGTERM');
        // A stopped (SIGSTOP) process takes its signals only when it goes on.
        child.kill('SIGCONT');
      });
    }
    await new Promise<void>((resolve) => {
      this.#log.end(resolve);
    });
  }

  /** The last lines that it wrote. */
  lastLines(): readonly string[] {
    return this.#lastLines;
  }
}
