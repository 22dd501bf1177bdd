import fc from 'fast-check';

import { mutatedOf } from './mutations.js';
import { nastyTexts, nested } from './nasty.js';

/** Something within a process that takes bytes of a stranger. */
export interface ByteTarget {
  readonly name: string;
  readonly kind: 'csv' | 'json' | 'binary';
  /** Inputs that are good, to be made worse. */
  seeds(): Promise<readonly Uint8Array[]>;
  /** Handles one input and gives `ok` or the code of the refusal; throws anything that has no code. */
  run(input: Uint8Array): Promise<string>;
}

const cell = fc.oneof(
  fc.constantFrom(...nastyTexts),
  fc.double().map(String),
  fc.integer().map(String),
  fc.string({ unit: 'binary', maxLength: 12 }),
);

const csv = fc
  .tuple(
    fc.array(fc.array(cell, { maxLength: 6 }), { maxLength: 12 }),
    fc.constantFrom(',', ';', '\t', '|'),
    fc.constantFrom('\n', '\r\n', '\r', '\n\n'),
    fc.boolean(),
  )
  .map(([rows, delimiter, end, quoted]) =>
    Buffer.from(
      rows
        .map((row) => row.map((text) => (quoted ? `"${text.replaceAll('"', '""')}"` : text)).join(delimiter))
        .join(end),
    ),
  );

const jsonValue = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(...nastyTexts),
  fc.constantFrom(1e308, -1e308, 0, -0, 2 ** 53 + 2),
);

const jsonObject = fc
  .array(fc.tuple(fc.oneof(fc.constantFrom('a', 'b', ...nastyTexts), fc.string()), jsonValue), {
    maxLength: 6,
  })
  .map(
    (entries) =>
      `{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(',')}}`,
  );

const jsonLines = fc
  .array(
    fc.oneof(
      { weight: 8, arbitrary: jsonObject },
      fc.constantFrom('', '[]', '1', 'null', '{"a":1e309}', nested(300)),
    ),
    {
      maxLength: 8,
    },
  )
  .map((lines) => Buffer.from(lines.join('\n')));

/** Inputs for a target of this kind: good ones made worse, ones of its grammar, and any bytes. */
export function inputsFor(kind: ByteTarget['kind'], seeds: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const grammar = kind === 'csv' ? csv : kind === 'json' ? jsonLines : undefined;
  return fc.oneof(
    { weight: 6, arbitrary: mutatedOf(seeds) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 300 }) },
    ...(grammar === undefined
      ? []
      : [{ weight: 4, arbitrary: grammar.map((bytes) => new Uint8Array(bytes)) }]),
  );
}
