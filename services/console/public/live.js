// @ts-check

const retryMs = 3_000;

/**
 * One live connection for the page that is shown. The browser connects again by itself; what it missed comes then, or a
 * `gap` that says to read everything again.
 * @param {{ runId?: string, onEvent: (event: any) => void, onProgress: (points: any[]) => void, onShares: (shares: any[]) => void, onGap: () => void, onState: (state: 'live' | 'lost') => void }} options
 * @returns {() => void} closes it
 */
export function listen({ runId, onEvent, onProgress, onShares, onGap, onState }) {
  let life = '';
  let closed = false;
  /** @type {EventSource} */
  let source;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  const open = () => {
    source = new EventSource(`/api/v1/stream${runId ? `?run=${encodeURIComponent(runId)}` : ''}`);
    /** @param {string} name @param {(data: any) => void} handle */
    const on = (name, handle) => {
      source.addEventListener(name, (message) => {
        handle(JSON.parse(/** @type {MessageEvent} */ (message).data));
      });
    };
    on('hello', (hello) => {
      onState('live');
      // Another life of the server, or the same one after a break: progress is not sent again, so look at everything.
      if (life !== '') onGap();
      life = hello.life;
    });
    on('event', onEvent);
    on('progress', onProgress);
    on('shares', onShares);
    on('gap', onGap);
    source.onerror = () => {
      if (closed) return;
      onState('lost');
      // The browser gives up where the answer was an error, such as that of a proxy while the console starts.
      if (source.readyState === EventSource.CLOSED) timer = setTimeout(open, retryMs);
    };
  };
  open();
  return () => {
    closed = true;
    clearTimeout(timer);
    source.close();
  };
}
