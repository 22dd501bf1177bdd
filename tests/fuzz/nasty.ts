import fc from 'fast-check';

/** Texts that parsers, stores and property tables have stumbled over. */
export const nastyTexts: readonly string[] = [
  '',
  ' ',
  '.',
  '..',
  '../../etc/passwd',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '$where',
  '$set',
  'a.b',
  '$case',
  'null',
  'undefined',
  'NaN',
  'Infinity',
  '-0',
  '1e309',
  '-1e309',
  '5e-324',
  '9007199254740993',
  '18446744073709551616',
  '0x10',
  '１２',
  'a'.repeat(65),
  'x'.repeat(5000),
  '\u0000',
  '\u0000a',
  '\ud800',
  'a\udfff',
  '\ufeff',
  '\u202e',
  'é'.normalize('NFD'),
  '🐧',
  '%00',
  '%',
  '{}',
  '[]',
  '"',
  "'",
  '\\',
  '\r\n',
  '*',
  '>',
  'ml.>',
  '<script>',
];

/** Numbers at the edges of what types and loops bear. */
export const nastyNumbers: readonly number[] = [
  0,
  -0,
  1,
  -1,
  2,
  5,
  64,
  255,
  256,
  65_535,
  1e6,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53,
  2 ** 53 + 2,
  2 ** 63,
  2 ** 64,
  -(2 ** 31),
  -(2 ** 63),
  0.1,
  5e-324,
  1.7976931348623157e308,
  Infinity,
  -Infinity,
  NaN,
];

/** Any text, nasty ones more often than others; `known` are names that lead somewhere in the system. */
export function textOf(known: readonly string[] = []): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.constantFrom(...nastyTexts) },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 24 }) },
    { weight: 1, arbitrary: fc.string({ maxLength: 200 }) },
    ...(known.length > 0 ? [{ weight: 4, arbitrary: fc.constantFrom(...known) }] : []),
  );
}

/** Any number, nasty ones more often than others. */
export const numberOf: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(...nastyNumbers),
  fc.integer(),
  fc.nat({ max: 50 }),
  fc.double(),
);

/** Text of JSON that is nested deeply. */
export function nested(depth: number, open = '[', close = ']'): string {
  return open.repeat(depth) + close.repeat(depth);
}
