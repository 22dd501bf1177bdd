// @ts-check
import { ApiError, post } from './api.js';
import { h } from './dom.js';
import { problem } from './parts.js';

/**
 * Asks for a token. It goes to the server and comes back as a cookie that no script can read: nothing of it is kept here.
 * @param {(session: { required: boolean, name: string | null }) => unknown} onSignedIn
 * @returns {HTMLElement}
 */
export function signInForm(onSignedIn) {
  const input = h('input', {
    id: 'token',
    name: 'token',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    spellcheck: 'false',
  });
  // What is put into it is an alert by itself.
  const message = h('div', null);
  const submit = async (/** @type {Event} */ event) => {
    event.preventDefault();
    try {
      await onSignedIn(await post('/session', { token: input.value.trim() }));
    } catch (error) {
      const failure = error instanceof ApiError ? error : new ApiError(0, { message: String(error) });
      message.replaceChildren(problem(failure, 'bad'));
    } finally {
      input.value = '';
    }
  };
  return h(
    'form',
    { class: 'sign-in', onsubmit: submit },
    h('h1', null, 'Sign in'),
    h('label', { for: 'token' }, 'Token'),
    input,
    h('button', { type: 'submit' }, 'Sign in'),
    h('p', { class: 'soft' }, 'rookery tokens create --name you --roles read prints one.'),
    message,
  );
}
