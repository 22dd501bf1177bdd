// @ts-check
import { ApiError, get, remove } from './api.js';
import { h, morph } from './dom.js';
import { listen } from './live.js';
import { empty, problem, settings } from './parts.js';
import { signInForm } from './sign-in.js';
import { datasetPage } from './pages/dataset.js';
import { datasetsPage } from './pages/datasets.js';
import { modelPage } from './pages/model.js';
import { modelsPage } from './pages/models.js';
import { monitorPage } from './pages/monitor.js';
import { monitoredPage } from './pages/monitored.js';
import { pluginsPage } from './pages/plugins.js';
import { runPage } from './pages/run.js';
import { runsPage } from './pages/runs.js';
import { systemPage } from './pages/system.js';

/**
 * A page: what it reads, and what it shows of that.
 * @typedef {object} Page
 * @property {string} section  entry of the navigation
 * @property {(params: string[]) => string} title
 * @property {(params: string[], signal: AbortSignal, state: any) => Promise<any>} load
 * @property {(data: any, context: Context) => Node | Node[]} view
 * @property {(event: any, params: string[]) => boolean} [affectedBy]  an event after which it reads again
 * @property {(params: string[]) => string} [watchRun]  run whose epochs it wants
 * @property {(data: any, points: any[]) => void} [progress]  takes epochs into its data
 * @property {(data: any, shares: any[]) => void} [shares]
 * @property {(data: any, event: any) => void} [event]
 * @property {number} [pollMs]  reads again this often as well
 */

/**
 * @typedef {object} Context
 * @property {string[]} params
 * @property {any} state  kept while the page is shown
 * @property {() => void} update  shows again
 * @property {() => Promise<void>} reload  reads and shows again
 */

/** @type {Record<string, (params: string[]) => Page>} */
const pages = {
  runs: (params) => (params.length > 0 ? runPage : runsPage),
  models: (params) => (params.length > 0 ? modelPage : modelsPage),
  datasets: (params) => (params.length > 0 ? datasetPage : datasetsPage),
  monitor: (params) => (params.length > 0 ? monitoredPage : monitorPage),
  plugins: () => pluginsPage,
  system: () => systemPage,
};

const sections = [
  ['runs', 'Runs'],
  ['models', 'Models'],
  ['datasets', 'Data sets'],
  ['monitor', 'Monitor'],
  ['plugins', 'Plug-ins'],
  ['system', 'System'],
];

const main = /** @type {HTMLElement} */ (document.getElementById('main'));
const nav = /** @type {HTMLElement} */ (document.getElementById('nav'));
const linkState = /** @type {HTMLElement} */ (document.getElementById('link-state'));
const signOutButton = /** @type {HTMLButtonElement} */ (document.getElementById('sign-out'));
const themeButton = /** @type {HTMLButtonElement} */ (document.getElementById('theme'));

let leave = () => {};
/** The event that last led to a read is not in every projection yet: read once more after this. */
const settleMs = 1_200;

function show() {
  leave();
  const [name = '', ...params] = location.hash.replace(/^#\/?/, '').split('/').map(decoded);
  if (name === '') {
    location.replace('#/runs');
    return;
  }
  const page = Object.hasOwn(pages, name) ? pages[name]?.(params) : undefined;
  nav.replaceChildren(
    ...sections.map(([id, label]) =>
      h('a', { href: `#/${id}`, 'aria-current': id === page?.section ? 'page' : undefined }, label),
    ),
  );
  if (!page) {
    main.replaceChildren(empty('There is no such page.', h('a', { href: '#/runs' }, 'Go to the runs')));
    return;
  }
  document.title = `${page.title(params)} · Rookery`;
  leave = open(page, params);
}

/** @param {Page} page @param {string[]} params */
function open(page, params) {
  const ended = new AbortController();
  /** @type {any} */
  let data;
  /** @type {ApiError | undefined} */
  let failure;
  let frame = 0;
  let reading = false;
  let again = false;
  /** @type {Array<ReturnType<typeof setTimeout>>} */
  let timers = [];
  const state = {};

  const draw = () => {
    frame = 0;
    if (ended.signal.aborted) return;
    const content = data === undefined ? [] : page.view(data, context);
    const next = main.cloneNode(false);
    if (failure && data === undefined)
      next.appendChild(h('div', { class: 'head' }, h('h1', null, page.title(params))));
    if (failure) next.appendChild(problem(failure, data === undefined ? 'bad' : 'warn'));
    else if (data === undefined) next.appendChild(h('p', { class: 'soft' }, 'Reading …'));
    for (const part of [content].flat()) next.appendChild(part);
    morph(main, next);
  };
  const update = () => {
    frame ||= requestAnimationFrame(draw);
  };
  const read = async () => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      const found = await page.load(params, ended.signal, state);
      data = found;
      failure = undefined;
    } catch (error) {
      if (ended.signal.aborted) return;
      if (error instanceof ApiError && error.status === 401) {
        askWho();
        return;
      }
      failure = error instanceof ApiError ? error : new ApiError(0, { message: String(error) });
    } finally {
      reading = false;
    }
    update();
    if (again) {
      again = false;
      await read();
    }
  };
  /** Soon, and once more when all services will have taken the event in. */
  const readSoon = () => {
    for (const timer of timers) clearTimeout(timer);
    timers = [120, settleMs].map((ms) => setTimeout(() => void read(), ms));
  };
  const context = { params, state, update, reload: read };

  main.replaceChildren(h('p', { class: 'soft' }, 'Reading …'));
  const runId = page.watchRun?.(params);
  const close = listen({
    ...(runId ? { runId } : {}),
    onEvent: (event) => {
      if (data !== undefined && page.event) {
        page.event(data, event);
        update();
      }
      if (page.affectedBy?.(event, params)) readSoon();
    },
    onProgress: (points) => {
      if (data === undefined || !page.progress) return;
      page.progress(data, points);
      update();
    },
    onShares: (shares) => {
      if (data === undefined || !page.shares) return;
      page.shares(data, shares);
      update();
    },
    onGap: () => void read(),
    onState: (live) => {
      linkState.dataset['state'] = live;
      linkState.textContent = live === 'live' ? 'Live' : 'Connecting again';
    },
  });
  const poll = setInterval(() => {
    if (document.visibilityState === 'visible') void read();
  }, page.pollMs ?? 15_000);
  void read();
  return () => {
    ended.abort();
    close();
    clearInterval(poll);
    for (const timer of timers) clearTimeout(timer);
    cancelAnimationFrame(frame);
  };
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const themes = ['auto', 'light', 'dark'];

/** @param {string} theme */
function setTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
  themeButton.textContent = `Theme: ${theme}`;
  themeButton.onclick = () => {
    const next = themes[(themes.indexOf(theme) + 1) % themes.length] ?? 'auto';
    try {
      localStorage.setItem('rookery-theme', next);
    } catch {
      // Storage may be switched off: then the choice lasts until the page is loaded again.
    }
    setTheme(next);
  };
}

function storedTheme() {
  try {
    const stored = localStorage.getItem('rookery-theme') ?? '';
    return themes.includes(stored) ? stored : 'auto';
  } catch {
    return 'auto';
  }
}

setTheme(storedTheme());
window.addEventListener('hashchange', () => {
  // Signed out: the form stays, and the page is shown after it.
  if (main.querySelector('form.sign-in')) return;
  show();
  main.focus({ preventScroll: true });
  window.scrollTo(0, 0);
});
/** Shows the form instead of any page, until somebody has signed in. */
function askWho() {
  leave();
  leave = () => {};
  nav.replaceChildren();
  document.title = 'Sign in · Rookery';
  linkState.dataset['state'] = 'connecting';
  linkState.textContent = 'Signed out';
  signOutButton.hidden = true;
  main.replaceChildren(signInForm(begin));
}

/** @param {{ required: boolean, name: string | null }} session */
async function begin(session) {
  if (session.required && session.name === null) {
    askWho();
    return;
  }
  signOutButton.hidden = !session.required;
  signOutButton.textContent = `Sign out ${session.name ?? ''}`;
  Object.assign(settings, await get('/settings').catch(() => ({})));
  show();
}

signOutButton.onclick = () => {
  void remove('/session').then(askWho, askWho);
};
await begin(await get('/session').catch(() => ({ required: false, name: null })));
