// @ts-check
// Elements are made here and nowhere else. Text only ever becomes a text node: names of data sets, columns and
// categories come from files that anybody may have written.

const svgNames = new Set(['svg', 'polyline', 'line', 'circle', 'rect', 'g', 'title']);

/** Text, an element, or lists of them; null, undefined and false are nothing. @typedef {any} Child */

/**
 * Makes an element. `on…` properties are handlers, `style` is an object of CSS properties, everything else attributes.
 * @param {string} name
 * @param {Record<string, any> | null} [props]
 * @param {...Child} children
 * @returns {any}
 */
export function h(name, props, ...children) {
  const element = /** @type {any} */ (
    svgNames.has(name)
      ? document.createElementNS('http://www.w3.org/2000/svg', name)
      : document.createElement(name)
  );
  for (const [key, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith('on')) element[key] = value;
    else if (key === 'style')
      for (const [property, part] of Object.entries(value)) element.style.setProperty(property, String(part));
    else if (key === 'value') element.value = value;
    else element.setAttribute(key, value === true ? '' : String(value));
  }
  append(element, children);
  return element;
}

/** @param {Node} parent @param {Child[]} children */
function append(parent, children) {
  for (const child of children) {
    if (child === null || child === undefined || child === false) continue;
    if (Array.isArray(child)) append(parent, child);
    else parent.appendChild(child instanceof Node ? child : document.createTextNode(String(child)));
  }
}

const handlers = ['onclick', 'onchange', 'oninput', 'onsubmit'];

/**
 * Makes `old` look like `next` and keeps what did not change, so that focus, selection, scroll position and open details
 * survive an update.
 * @param {any} old @param {any} next
 */
export function morph(old, next) {
  if (old.nodeType !== next.nodeType || old.nodeName !== next.nodeName) {
    old.replaceWith(next);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.nodeValue !== next.nodeValue) old.nodeValue = next.nodeValue;
    return;
  }
  for (const { name, value } of [...next.attributes])
    if (name !== 'style' && old.getAttribute(name) !== value) old.setAttribute(name, value);
  for (const { name } of [...old.attributes])
    if (name !== 'style' && name !== 'open' && !next.hasAttribute(name)) old.removeAttribute(name);
  if (old.style.cssText !== next.style.cssText) old.style.cssText = next.style.cssText;
  for (const handler of handlers) old[handler] = next[handler];
  morphChildren(old, next);
  if (
    'value' in next &&
    (old.nodeName === 'SELECT' || old.nodeName === 'INPUT') &&
    old !== document.activeElement &&
    old.value !== next.value
  )
    old.value = next.value;
}

/** @param {any} old @param {any} next */
export function morphChildren(old, next) {
  const had = [...old.childNodes];
  const wanted = [...next.childNodes];
  wanted.forEach((child, index) => {
    const before = had[index];
    if (before) morph(before, child);
    else old.appendChild(child);
  });
  for (const extra of had.slice(wanted.length)) extra.remove();
}
