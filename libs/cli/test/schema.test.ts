import { givenSpecSchema } from '@rookery/nn/spec';
import { afterEach, expect, it, vi } from 'vitest';

import { schemaCommand } from '../src/commands/schema.js';

afterEach(() => vi.restoreAllMocks());

it('prints the schema of the model specification as it is published', async () => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((text: string) => void lines.push(text));
  await schemaCommand().parseAsync(['model-spec'], { from: 'user' });
  expect(JSON.parse(lines.join('\n'))).toEqual(givenSpecSchema);
});

it.each(['spec', 'constructor'])('refuses %s, which has none, naming those that have', async (name) => {
  await expect(schemaCommand().parseAsync([name], { from: 'user' })).rejects.toMatchObject({
    code: 'RK_REQUEST_INVALID',
    hint: expect.stringContaining('model-spec'),
  });
});
