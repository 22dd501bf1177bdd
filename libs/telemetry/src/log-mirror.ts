/** Takes each log line (JSON, redacted) while logs are exported. Called inside the context that logged the line. */
export type LogSink = (line: string) => void;

let sink: LogSink | undefined;

/** Sends every line of every logger to `next` too, or to nobody with `undefined`. */
export function setLogSink(next: LogSink | undefined): void {
  sink = next;
}

/** Hands one line to the sink, if there is one. Never throws. */
export function mirrorLogLine(line: string): void {
  if (sink === undefined) return;
  try {
    sink(line);
  } catch {
    // A log line that cannot be exported was written to standard output all the same.
  }
}
