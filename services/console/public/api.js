// @ts-check

/** What the API answered when it did not answer with data. */
export class ApiError extends Error {
  /** @param {number} status @param {{ code?: string, message?: string, hint?: string }} body */
  constructor(status, body) {
    super(body.message ?? `The console answered ${status}`);
    this.status = status;
    this.code = body.code ?? '';
    this.hint = body.hint ?? '';
  }
}

/** @param {string} path @param {AbortSignal} [signal] @returns {Promise<any>} */
export function get(path, signal) {
  return call(path, { ...(signal ? { signal } : {}) });
}

/** @param {string} path @param {unknown} body @returns {Promise<any>} */
export function post(path, body) {
  return call(path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** @param {string} path @returns {Promise<any>} */
export function remove(path) {
  return call(path, { method: 'DELETE' });
}

/** @param {string} path @param {RequestInit} init */
async function call(path, init) {
  let response;
  try {
    response = await fetch(`/api/v1${path}`, init);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new ApiError(0, {
      message: 'The console can not be reached.',
      hint: 'It is asked again by itself.',
    });
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}
