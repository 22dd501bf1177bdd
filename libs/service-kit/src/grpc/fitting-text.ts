/**
 * The beginning of a text that takes at most `bytes` when it is percent-encoded, as `grpc-message` is; ends with … where it
 * was cut. Lone surrogates, which no encoding takes, are replaced.
 */
export function fittingText(text: string, bytes: number): string {
  const mark = '…';
  const room = bytes - 9;
  let used = 0;
  let end = 0;
  let wellFormed = '';
  for (const char of text) {
    const code = char.codePointAt(0)!;
    const lone = code >= 0xd800 && code <= 0xdfff;
    const size =
      code > 0x20 && code < 0x7f && char !== '%'
        ? 1
        : code < 0x80
          ? 3
          : code < 0x800
            ? 6
            : code < 0x10000
              ? 9
              : 12;
    used += size;
    if (used <= room) end = wellFormed.length + char.length;
    if (used > bytes) return wellFormed.slice(0, end) + mark;
    wellFormed += lone ? '\ufffd' : char;
  }
  return wellFormed;
}
