import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace-base';
import type { Context } from '@opentelemetry/api';

const bufferLimit = 2048;

/**
 * Keeps ended spans until the real processor is attached, because exporters are loaded after tracing has begun.
 * At most 2048 spans are kept; the oldest stay.
 */
export class DeferredSpanProcessor implements SpanProcessor {
  #target: SpanProcessor | undefined;
  #ended: ReadableSpan[] = [];

  /** Passes what was kept, and everything from now on, to `target`. */
  attach(target: SpanProcessor): void {
    this.#target = target;
    for (const span of this.#ended) target.onEnd(span);
    this.#ended = [];
  }

  onStart(span: Span, parent: Context): void {
    this.#target?.onStart(span, parent);
  }

  onEnd(span: ReadableSpan): void {
    if (this.#target !== undefined) this.#target.onEnd(span);
    else if (this.#ended.length < bufferLimit) this.#ended.push(span);
  }

  async forceFlush(): Promise<void> {
    await this.#target?.forceFlush();
  }

  async shutdown(): Promise<void> {
    await this.#target?.shutdown();
  }
}
