import { AsyncLocalStorage } from 'node:async_hooks';

import { ROOT_CONTEXT, createContextKey } from '@opentelemetry/api';
import { describe, expect, it, vi } from 'vitest';

import { IdleAwareContextManager } from '../src/idle-aware-context-manager.js';

const key = createContextKey('test');
const holding = (value: string): typeof ROOT_CONTEXT => ROOT_CONTEXT.setValue(key, value);

describe('IdleAwareContextManager', () => {
  it('keeps a context through awaits, apart from those of work that runs beside it', async () => {
    const manager = new IdleAwareContextManager();
    const seen: unknown[] = [];
    const work = async (turns: number): Promise<void> => {
      for (let i = 0; i < turns; i++) await Promise.resolve();
      seen.push(manager.active().getValue(key));
    };
    await Promise.all([
      manager.with(holding('a'), work, undefined, 5),
      manager.with(holding('b'), work, undefined, 1),
    ]);
    expect(seen).toEqual(['b', 'a']);
  });

  it('gives an inner context back to the outer one, also after an error', async () => {
    const manager = new IdleAwareContextManager();
    await manager.with(holding('outer'), async () => {
      expect(() =>
        manager.with(holding('inner'), () => {
          throw new Error('inner failed');
        }),
      ).toThrow('inner failed');
      await expect(manager.with(holding('inner'), () => Promise.reject(new Error('later')))).rejects.toThrow(
        'later',
      );
      expect(manager.active().getValue(key)).toBe('outer');
    });
    expect(manager.active()).toBe(ROOT_CONTEXT);
  });

  it('is off when no context is active, and on again for the next one', async () => {
    const disable = vi.spyOn(AsyncLocalStorage.prototype, 'disable');
    try {
      const manager = new IdleAwareContextManager();
      await manager.with(holding('a'), () => Promise.resolve());
      await Promise.resolve();
      expect(disable).toHaveBeenCalledTimes(1);
      expect(await manager.with(holding('b'), async () => manager.active().getValue(key))).toBe('b');
    } finally {
      disable.mockRestore();
    }
  });

  it('a bound function has its context whenever it is called', () => {
    const manager = new IdleAwareContextManager();
    const bound = manager.bind(holding('bound'), () => manager.active().getValue(key));
    expect(bound()).toBe('bound');
    expect(manager.active()).toBe(ROOT_CONTEXT);
  });
});
