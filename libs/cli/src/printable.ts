// Line breaks and tabs stay; other control characters, and those that change the direction of text, do not.
// eslint-disable-next-line no-control-regex -- these are what is looked for
const unprintable = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Text of a stranger, safe to write to a terminal: what could steer it is shown as `\u001b`. */
export function printable(text: string): string {
  return text.replace(
    unprintable,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
