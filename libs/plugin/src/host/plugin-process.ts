import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { RetryableError } from '@rookery/contracts';
import type { RookeryError } from '@rookery/contracts';

import type { EpochReport } from '../interface/model-plugin.js';
import type { InstalledPlugin } from '../packages/installed-plugin.js';
import { identityWords } from '../packages/plugin-list.js';
import { pluginError } from './plugin-errors.js';
import { memoryMark } from './protocol.js';
import type {
  ChildSettings,
  FromChild,
  PluginAnswers,
  PluginRequest,
  ThrownByPlugin,
  ToChild,
} from './protocol.js';

/** How a request is made. */
export interface CallOptions {
  /** What the plug-in is at work on, for messages: "fit of fold 3". */
  readonly what: string;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly onEpoch?: (report: EpochReport) => void;
}

interface RunningCall {
  readonly id: number;
  readonly what: string;
  readonly onEpoch: (report: EpochReport) => void;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Time that a plug-in gets to end by itself when its run is stopped. */
const stopGraceMs = 500;
/** Time in which the last words of a dead process come in; its streams may be held open by what it started. */
const lastWordsMs = 250;
const keptOutput = 4_000;

/**
 * One process of one plug-in. Whatever the code in it does, throw, loop, fill the memory, exit or crash, is an error of the call
 * that it was at: this process goes on. It has no environment of the service, and its memory is bounded.
 */
export class PluginProcess {
  readonly #child: ChildProcess;
  readonly #plugin: InstalledPlugin;
  #calls = 0;
  #running: RunningCall | undefined;
  #queue: Promise<unknown> = Promise.resolve();
  #output = '';
  #crashed: ThrownByPlugin | undefined;
  #closed = false;
  #dead = false;
  /** Resolves when the process has ended. */
  readonly ended: Promise<void>;

  constructor(script: URL, plugin: InstalledPlugin, memoryMb: number) {
    this.#plugin = plugin;
    const settings: ChildSettings = { parent: process.pid, memoryBytes: memoryMb * 1024 * 1024 };
    this.#child = fork(fileURLToPath(script), [JSON.stringify(settings)], {
      serialization: 'advanced',
      // Neither secrets nor settings of the service; the same zone everywhere, so that dates give the same features.
      env: { TZ: 'UTC' },
      execArgv: [`--max-old-space-size=${memoryMb}`],
      cwd: plugin.folder,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    // What it prints is read, so that it never waits for a reader, and forgotten but for the end.
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on(
        'data',
        (chunk: Buffer) => (this.#output = (this.#output + chunk.toString()).slice(-keptOutput)),
      );
    this.#child.on('message', (message: FromChild) => this.#hear(message));
    this.ended = new Promise((resolve) => {
      let over = false;
      const end = (why: (what: string) => RookeryError): void => {
        if (over) return;
        over = true;
        this.#dead = true;
        const running = this.#running;
        this.#running = undefined;
        running?.reject(why(running.what));
        resolve();
      };
      this.#child.once('error', (error) => end((what) => this.#gone(what, error.message)));
      this.#child.once('exit', (code, signal) => {
        this.#dead = true;
        const closed = new Promise((done) => this.#child.once('close', done));
        void Promise.race([closed, sleep(lastWordsMs, undefined, { ref: false })]).then(() =>
          end((what) => this.#deathOf(what, code, signal)),
        );
      });
    });
  }

  get alive(): boolean {
    return !this.#dead && !this.#closed;
  }

  /**
   * Asks for one thing, after those asked for before. Rejects with RK_PLUGIN_FAILED (it threw, exited or crashed), RK_PLUGIN_TIMEOUT,
   * RK_PLUGIN_MEMORY, RK_PLUGIN_UNAVAILABLE (the process is gone for no fault of the plug-in), or the reason of the signal. After a
   * time-out or a stop the process is dead.
   */
  call<K extends PluginRequest['kind']>(
    request: Extract<PluginRequest, { kind: K }>,
    options: CallOptions,
  ): Promise<PluginAnswers[K]> {
    const call = this.#queue.then(() => this.#ask(request, options));
    this.#queue = call.catch(() => undefined);
    return call as Promise<PluginAnswers[K]>;
  }

  /** Ends the process, now. What it is at rejects with RK_PLUGIN_UNAVAILABLE. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#child.kill('SIGKILL');
    await this.ended;
  }

  async #ask(request: PluginRequest, { what, timeoutMs, signal, onEpoch }: CallOptions): Promise<unknown> {
    signal?.throwIfAborted();
    if (!this.alive) throw this.#gone(what, 'its process has ended');
    this.#calls += 1;
    const id = this.#calls;
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.#child.kill('SIGKILL');
    }, timeoutMs);
    let grace: NodeJS.Timeout | undefined;
    const stop = (): void => {
      this.#send({ stop: id });
      grace = setTimeout(() => this.#child.kill('SIGKILL'), stopGraceMs);
    };
    signal?.addEventListener('abort', stop, { once: true });
    try {
      return await new Promise((resolve, reject) => {
        this.#running = { id, what, onEpoch: onEpoch ?? (() => undefined), resolve, reject };
        this.#send({ id, request });
      });
    } catch (error) {
      signal?.throwIfAborted();
      if (timedOut)
        throw pluginError('RK_PLUGIN_TIMEOUT', this.#plugin, what, `gave no answer within ${timeoutMs} ms`, {
          details: { timeoutMs: String(timeoutMs) },
        });
      throw error;
    } finally {
      clearTimeout(timer);
      clearTimeout(grace);
      signal?.removeEventListener('abort', stop);
    }
  }

  #send(message: ToChild): void {
    // A process that has just ended says so by its exit, with the reason.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #hear(message: FromChild): void {
    if ('crashed' in message) {
      this.#crashed = message.crashed;
      return;
    }
    const running = this.#running;
    if (running?.id !== message.id) return;
    if ('epoch' in message) {
      running.onEpoch(message.epoch);
      return;
    }
    this.#running = undefined;
    if ('answer' in message) running.resolve(message.answer);
    else running.reject(this.#thrown(running.what, message.failed));
  }

  #thrown(what: string, { message, stack, field }: ThrownByPlugin): RookeryError {
    return pluginError('RK_PLUGIN_FAILED', this.#plugin, what, `threw “${message}”`, {
      stack,
      ...(field === undefined ? {} : { details: { field } }),
    });
  }

  #deathOf(what: string, code: number | null, signal: NodeJS.Signals | null): RookeryError {
    if (this.#closed) return this.#gone(what, 'it was stopped');
    if (this.#output.includes(memoryMark) || this.#output.includes('heap out of memory'))
      return pluginError('RK_PLUGIN_MEMORY', this.#plugin, what, 'took more memory than it may');
    if (this.#crashed !== undefined) return this.#thrown(what, this.#crashed);
    // Somebody else, or the kernel where the machine has no memory left, ends a process so.
    if (signal === 'SIGKILL' || signal === 'SIGTERM')
      return this.#gone(what, `its process was ended by ${signal}`);
    const how = signal === null ? `with exit code ${code}` : `by ${signal}`;
    return pluginError('RK_PLUGIN_FAILED', this.#plugin, what, `ended its process ${how}`, {
      stack: this.#output,
    });
  }

  #gone(what: string, why: string): RetryableError {
    return new RetryableError(
      'RK_PLUGIN_UNAVAILABLE',
      `The plug-in ${identityWords(this.#plugin)} could not finish the ${what}: ${why}.`,
      { details: { plugin: this.#plugin.name, step: what } },
    );
  }
}
