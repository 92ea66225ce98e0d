/**
 * Shows a formula of TeX as MathML. Temml takes it apart; what it found is built as elements from a short list here, so that whatever a
 * model writes brings no link, no address, no style and nothing larger than the text around it may be. What Temml does not
 * know, or what is not in the list, is shown as it was written.
 */
import { h } from './dom.js';
import { t } from './texts.js';

/** @typedef {import('../vendor/math.js').MathNode} MathNode */
/** @typedef {(source: string, display: boolean) => MathNode} Build */

const MATHML = 'http://www.w3.org/1998/Math/MathML';
const ELEMENTS = new Set(
  'math mrow mi mn mo ms mtext mspace msup msub msubsup mfrac msqrt mroot mover munder munderover mmultiscripts mprescripts none mtable mtr mtd mstyle mpadded mphantom'.split(' '),
);
/** Attributes with a word for a value. */
const WORDS = new Set(
  'display displaystyle scriptlevel stretchy fence separator form mathvariant accent accentunder columnalign rowalign rowspan columnspan movablelimits symmetric largeop dir'.split(' '),
);
/** Attributes with a length, or several. */
const LENGTHS = new Set('lspace rspace minsize maxsize linethickness width height depth voffset rowspacing columnspacing'.split(' '));
/** Styles with lengths, and those of lines in a table. */
const STYLES = new Set('border padding paddingLeft paddingRight paddingTop paddingBottom borderTop borderBottom borderLeft borderRight textAlign'.split(' '));
/** The longest length, in its unit (em, at most), the most elements, and the deepest. */
const LONGEST = 12;
const MOST = 3000;
const DEEPEST = 60;
/** Formulas that are kept, so that a paragraph that grows is not set again and again. */
const KEPT = 200;

/** Temml, once it is there. @type {Build | null | undefined} `null`: it cannot be had */
let build;
/** @type {Promise<void> | undefined} */
let loading;
/** @type {Map<string, Element | null>} */
const known = new Map();

/**
 * @param {string} source in TeX
 * @param {boolean} display on lines of its own
 * @param {string} raw as the text has it, for where it cannot be set
 * @returns {HTMLElement}
 */
export function math(source, display, raw) {
  const view = display
    ? h('span', { class: 'math display', tabindex: '0', role: 'group', 'aria-label': t('markdown.formula') })
    : h('span', { class: 'math' });
  const show = () => {
    const found = build ? formula(build, source, display) : null;
    view.replaceChildren(found ?? unset(raw));
  };
  show();
  if (build === undefined) void load().then(show);
  return view;
}

/** The beginning of a formula whose end has not come. @param {string} raw */
export function unset(raw) {
  return h('code', { class: 'math-source', dir: 'ltr' }, raw);
}

function load() {
  loading ??= import('../vendor/math.js').then(
    (module) => void (build = module.build),
    () => void (build = null), // the formula stays as it was written
  );
  return loading;
}

/** @param {Build} build @param {string} source @param {boolean} display */
function formula(build, source, display) {
  const key = `${display} ${source}`;
  let found = known.get(key);
  if (found === undefined) {
    found = setFormula(build, source, display);
    if (known.size >= KEPT) known.clear();
    known.set(key, found);
  }
  return found?.cloneNode(true) ?? null;
}

/** @param {Build} build @param {string} source @param {boolean} display */
function setFormula(build, source, display) {
  try {
    const node = build(source, display);
    let left = MOST;
    const element = elementOf(node, 0, () => (left -= 1) > 0);
    element.setAttribute('alttext', source);
    return element;
  } catch {
    return null; // Temml says what it does not know, and a formula that is too deep says so by the stack
  }
}

/**
 * @param {MathNode} node
 * @param {number} depth
 * @param {() => boolean} hasRoom counts an element
 * @returns {Element}
 */
function elementOf(node, depth, hasRoom) {
  // A part without a name, or with a note for programs, stands for its content.
  const type = node.type === undefined || node.type === 'semantics' ? 'mrow' : node.type;
  if (!ELEMENTS.has(type) || depth > DEEPEST || !hasRoom()) throw new Error(`no ${type} here`);
  const element = /** @type {MathMLElement} */ (document.createElementNS(MATHML, type));
  for (const [name, value] of Object.entries(node.attributes ?? {})) {
    const text = String(value);
    if (WORDS.has(name) ? /^[\w -]+$/.test(text) : LENGTHS.has(name) && isShort(text)) element.setAttribute(name, text);
  }
  for (const [name, value] of Object.entries(node.style ?? {})) {
    const text = String(value);
    const isMeant = name === 'textAlign' ? /^(?:left|right|center)$/.test(text) : isShort(text);
    if (STYLES.has(name) && isMeant) Object.assign(element.style, { [name]: text });
  }
  for (const child of node.children ?? []) {
    if ('text' in child && typeof child.text === 'string') element.append(child.text);
    else if (/** @type {MathNode} */ (child).type !== 'annotation') element.append(elementOf(/** @type {MathNode} */ (child), depth + 1, hasRoom));
  }
  return element;
}

/** Whether these are lengths, none of them long, and at most the kind of a line. @param {string} text */
function isShort(text) {
  return text.split(/\s+/).every((part) => {
    if (part === 'solid' || part === 'dashed' || part === 'currentColor') return true;
    const match = /^[+-]?(\d*\.?\d+)(em|ex|px|pt|%)?$/.exec(part);
    if (!match) return false;
    const unit = match[2] ?? 'em';
    const limit = unit === 'px' || unit === 'pt' ? 10 * LONGEST : unit === '%' ? 100 : LONGEST;
    return Number(match[1]) <= limit;
  });
}
