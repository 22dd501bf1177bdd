/** An answer, with the alias revisions that could have given it. */
export interface RevisedAnswer {
  readonly connection: number;
  readonly version: number;
  /** Newest revision that was known to serve when the call was sent. */
  readonly from: number;
  /** Newest revision that had been asked for when the answer came. */
  readonly to: number;
}

/** An answer that no revision explains, or only one older than its connection had seen. */
export interface StepBack {
  readonly connection: number;
  readonly version: number;
  readonly seen: number;
  readonly from: number;
  readonly to: number;
}

/**
 * Places where a connection went back to an older revision of the alias. An answer tells its version, and a version comes
 * again after some moves: it is taken for the oldest revision of that version that the connection may still see, so that
 * a step back is told wherever the versions in use leave no other reading. `versionOf` gives the version of a revision.
 */
export function stepsBackByRevision(
  answers: readonly RevisedAnswer[],
  versionOf: (revision: number) => number | undefined,
): StepBack[] {
  const newest = new Map<number, number>();
  return answers.flatMap(({ connection, version, from, to }) => {
    const seen = newest.get(connection) ?? 0;
    for (let revision = Math.max(seen, from); revision <= to; revision += 1) {
      if (versionOf(revision) !== version) continue;
      newest.set(connection, revision);
      return [];
    }
    return [{ connection, version, seen, from, to }];
  });
}
