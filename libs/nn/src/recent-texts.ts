/** A set of texts that keeps those added or found last. */
export class RecentTexts {
  readonly #texts = new Set<string>();
  readonly #kept: number;

  constructor(kept: number) {
    this.#kept = kept;
  }

  has(text: string): boolean {
    const found = this.#texts.delete(text);
    if (found) this.#texts.add(text);
    return found;
  }

  add(text: string): void {
    this.#texts.delete(text);
    this.#texts.add(text);
    for (const oldest of this.#texts) {
      if (this.#texts.size <= this.#kept) return;
      this.#texts.delete(oldest);
    }
  }
}
