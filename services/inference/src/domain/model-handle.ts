/** One loaded version, held by those who use it. */
export interface ModelHandle<M> {
  readonly model: M;
  /** Users at this moment. */
  readonly users: number;
  readonly retired: boolean;
  readonly disposed: boolean;
  /** Takes a hold; false once the version is retired: look the current one up again. */
  acquire(): boolean;
  /** Gives one hold back. The last one of a retired version disposes it. Throws where nothing is held. */
  release(): void;
  /** No new holds from now on; disposes at once where nothing is held. A second call does nothing. */
  retire(): void;
}

/**
 * A reference-counted version (read-copy-update): `dispose` runs exactly once, after `retire` and never while
 * somebody holds the version, so that calls in flight end on the version they began with.
 */
export function createModelHandle<M>(model: M, dispose: (model: M) => void): ModelHandle<M> {
  let users = 0;
  let retired = false;
  let disposed = false;
  const disposeIfIdle = (): void => {
    if (!retired || users > 0 || disposed) return;
    disposed = true;
    dispose(model);
  };
  return {
    model,
    get users() {
      return users;
    },
    get retired() {
      return retired;
    },
    get disposed() {
      return disposed;
    },
    acquire() {
      if (retired) return false;
      users += 1;
      return true;
    },
    release() {
      if (users === 0) throw new Error('A model version was released more often than it was acquired.');
      users -= 1;
      disposeIfIdle();
    },
    retire() {
      retired = true;
      disposeIfIdle();
    },
  };
}
