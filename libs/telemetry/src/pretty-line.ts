const hidden = new Set(['time', 'level', 'service', 'msg', 'trace_id', 'span_id', 'err']);

/** A JSON log line as a line for people: `12:30:01.204 warn  ingest  message  key=value`, a stack below it. */
export function prettyLine(line: string): string {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const time = (typeof record['time'] === 'string' ? record['time'] : '').slice(11, 23);
  const fields = Object.entries(record)
    .filter(([key]) => !hidden.has(key))
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const err = record['err'] as { stack?: string; message?: string } | undefined;
  const head = [time, String(record['level']).padEnd(5), record['service'], record['msg'], ...fields].join(
    ' ',
  );
  return err === undefined
    ? `${head}\n`
    : `${head}\n    ${(err.stack ?? err.message ?? '').replaceAll('\n', '\n    ')}\n`;
}
