/** Writes a result: one JSON document with `json`, else the text. */
export function output(json: boolean | undefined, value: unknown, text: () => string): void {
  console.log(json === true ? JSON.stringify(value) : text());
}
