/**
 * The two helpers that every view uses. Text always goes in as text nodes: nothing here parses HTML.
 */

/**
 * The element with this id, which index.html is known to have.
 * @template {HTMLElement} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type] checked at run time, so that a renamed element is found out at once
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!element || (type && !(element instanceof type)))
    throw new Error(`page: element #${id} is missing or of another kind`);
  return /** @type {T} */ (element);
}

/**
 * A new element with attributes and children. A string child becomes a text node.
 * @param {string} tag
 * @param {Record<string, string | boolean | ((event: Event) => void)>} [attributes] `true` sets an empty attribute,
 *   `false` sets none, `onclick` and the like take a function
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElement}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children) if (child) element.append(child);
  return element;
}

/**
 * A link-like or plain button.
 * @param {string} label
 * @param {() => void} onclick
 * @param {string} [className]
 * @param {Record<string, string | boolean>} [attributes]
 */
export function button(label, onclick, className = 'link', attributes = {}) {
  return h('button', { type: 'button', class: className, onclick, ...attributes }, label);
}

/**
 * Shows an element in the place of another: if the one that goes had the focus, the other takes it.
 * @param {HTMLElement} gone
 * @param {HTMLElement} shown
 */
export function replaceShown(gone, shown) {
  const hadFocus = document.activeElement === gone;
  shown.hidden = false;
  if (hadFocus) shown.focus();
  gone.hidden = true;
}

/** Whether the reader asked for less motion. */
export function prefersStill() {
  return matchMedia('(prefers-reduced-motion: reduce)').matches;
}
