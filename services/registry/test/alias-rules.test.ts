import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { requireAliasName, versionBefore } from '../src/domain/alias-rules.js';
import type { AliasChangeKind } from '../src/domain/model-document.js';

const p = (version: number): { version: number; kind: AliasChangeKind } => ({ version, kind: 'promoted' });
const back = (version: number): { version: number; kind: AliasChangeKind } => ({
  version,
  kind: 'rolledback',
});

describe('the champion before this one', () => {
  it.each([
    ['never promoted', [], undefined],
    ['promoted once', [p(1)], undefined],
    ['promoted twice', [p(1), p(2)], 1],
    ['rejected versions in between', [p(1), p(4)], 1],
    ['rolled back once', [p(1), p(2), p(3), back(2)], 1],
    ['rolled back to the first', [p(1), p(2), back(1)], undefined],
    ['promoted after a roll-back', [p(1), p(2), back(1), p(3)], 1],
    ['back over two', [p(1), p(2), p(3), back(1), p(4)], 1],
    ['back to a version that was never champion', [p(1), p(3), back(2)], 1],
    ['the same version twice', [p(1), p(2), p(2)], 1],
  ])('%s', (_, changes, expected) => {
    expect(versionBefore(changes)).toBe(expected);
  });

  it('rolling back again and again ends at the first champion, never in a circle', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 12 }), (versions) => {
        const changes = versions.map(p);
        for (let steps = 0; ; steps++) {
          expect(steps).toBeLessThanOrEqual(versions.length);
          const before = versionBefore(changes);
          if (before === undefined) break;
          changes.push(back(before));
        }
        expect(changes.at(-1)?.version).toBe(versions[0]);
      }),
    );
  });
});

describe('alias names', () => {
  it.each(['champion', 'challenger-2', 'A_b', 'version'])('takes %s', (name) => {
    expect(() => requireAliasName(name)).not.toThrow();
  });
  it.each(['', 'a b', 'a.b', 'latest', 'LATEST', 'v12', '7', '__proto__', 'x'.repeat(65)])(
    'refuses %j',
    (name) => {
      expect(() => requireAliasName(name)).toThrow(expect.objectContaining({ code: 'RK_ALIAS_INVALID' }));
    },
  );
});
