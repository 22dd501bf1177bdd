import { expect, it } from 'vitest';
import { RecentTexts } from '../src/recent-texts.js';

it('keeps the texts that were added or found last, and no more than it may', () => {
  const texts = new RecentTexts(2);
  texts.add('a');
  texts.add('b');
  expect(texts.has('a')).toBe(true);
  texts.add('c');
  expect(['a', 'b', 'c'].filter((text) => texts.has(text))).toEqual(['a', 'c']);
});
