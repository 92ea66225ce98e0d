/**
 * Shows Markdown while it grows. The text is taken apart by `marked`, and what it found is built as elements from a short list
 * here: no HTML is ever parsed, whatever a model writes. Blocks that have not changed keep their elements.
 */
import { lexer } from '../vendor/markdown.js';
import { copyButton } from './copy.js';
import { h } from './dom.js';
import { growing, WHOLE } from './math-syntax.js';
import { math, unset } from './math-view.js';
import { t } from './texts.js';

/** @typedef {import('../vendor/markdown.js').Token} Token */

/** Blocks at the end that more text may still change: a list or a table takes in what follows. */
const OPEN_BLOCKS = 2;

export class MarkdownView {
  #text = '';
  /** @type {{ raw: string, node: Node }[]} the blocks that are shown */
  #blocks = [];

  /** @param {HTMLElement} root */
  constructor(root) {
    this.root = root;
    root.replaceChildren();
  }

  /**
   * @param {string} text all of it
   * @param {boolean} whole whether nothing more will come
   */
  show(text, whole) {
    const grows = text.startsWith(this.#text);
    const keep = grows ? Math.max(0, this.#blocks.length - OPEN_BLOCKS) : 0;
    const start = this.#blocks.slice(0, keep).reduce((sum, block) => sum + block.raw.length, 0);
    this.#text = text;
    const rest = text.slice(start);
    const tokens = lexer(rest, whole ? WHOLE : growing(rest)).filter((token) => token.type !== 'space' || token.raw !== '');
    tokens.forEach((token, i) => {
      const at = keep + i;
      const done = whole || at < keep + tokens.length - 1;
      const old = this.#blocks[at];
      if (old?.raw === token.raw && !(token.type === 'code' && done) && !(whole && isUnset(old.node))) return;
      const node = block(token, done);
      if (old) this.root.replaceChild(node, old.node);
      else this.root.append(node);
      this.#blocks[at] = { raw: token.raw, node };
    });
    for (const gone of this.#blocks.splice(keep + tokens.length)) this.root.removeChild(gone.node);
  }
}

/** Whether a formula in it waits for its end. @param {Node} node */
function isUnset(node) {
  return node instanceof Element && (node.matches('.math-open') || node.querySelector('.math-open') !== null);
}

/**
 * @param {Token} token
 * @param {boolean} done whether the block is whole
 * @returns {Node}
 */
function block(token, done) {
  switch (token.type) {
    case 'space':
      return document.createTextNode('');
    case 'heading':
      // The page's own headings come first: a model's begin below them.
      return h(`h${Math.min(6, (token.depth ?? 1) + 2)}`, {}, ...inline(token.tokens));
    case 'paragraph':
      return h('p', {}, ...inline(token.tokens));
    case 'text':
      return h('p', {}, ...(token.tokens ? inline(token.tokens) : [text(token.text)]));
    case 'code':
      return code(token, done);
    case 'blockquote':
      return h('blockquote', {}, ...(token.tokens ?? []).map((one) => block(one, done)));
    case 'list':
      return list(token, done);
    case 'table':
      return table(token);
    case 'mathBlock':
      return h('p', {}, formula(token));
    case 'hr':
      return h('hr');
    default:
      // HTML and all that is unknown is text.
      return h('p', {}, text(token.raw.trimEnd()));
  }
}

/** @param {Token} token @param {boolean} done */
function list(token, done) {
  const items = (token.items ?? []).map((item) =>
    h(
      'li',
      {},
      item.task ? text(item.checked ? '☑ ' : '☐ ') : null,
      // The box is written already.
      ...(item.tokens ?? []).filter((one) => one.type !== 'checkbox').flatMap((one) =>
        one.type === 'text' ? (one.tokens ? inline(one.tokens) : [text(one.text)]) : [block(one, done)],
      ),
    ),
  );
  /** @type {Record<string, string>} */
  const start = token.ordered && typeof token.start === 'number' && token.start !== 1 ? { start: String(token.start) } : {};
  return h(token.ordered ? 'ol' : 'ul', start, ...items);
}

/** @param {Token} token */
function table(token) {
  const row = (/** @type {'th' | 'td'} */ tag, /** @type {{ tokens: Token[] }[]} */ cells) =>
    h('tr', {}, ...cells.map((cell, i) => h(tag, { class: `align-${token.align?.[i] ?? 'start'}` }, ...inline(cell.tokens))));
  return h(
    'div',
    { class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': t('markdown.table') },
    h('table', {}, h('thead', {}, row('th', token.header ?? [])), h('tbody', {}, ...(token.rows ?? []).map((cells) => row('td', cells)))),
  );
}

/** @param {Token} token @param {boolean} done */
function code(token, done) {
  const content = token.text ?? '';
  const language = (token.lang ?? '').trim().split(/\s/)[0].toLowerCase();
  const body = h('code', {}, text(content));
  if (done && language) void colour(body, language, content);
  return h(
    'figure',
    { class: 'code' },
    h('figcaption', {}, h('span', {}, language || t('markdown.code')), copyButton(() => content)),
    h('pre', { tabindex: '0', dir: 'ltr' }, body),
  );
}

/**
 * Colours code; the library for it is fetched with the first piece.
 * @param {HTMLElement} element
 * @param {string} language
 * @param {string} content
 */
async function colour(element, language, content) {
  try {
    const { highlight, knows } = await import('../vendor/highlight.js');
    if (knows(language)) element.replaceChildren(...pieces(highlight(language, content)));
  } catch {
    // Without the library the code is there, in one colour.
  }
}

/** @param {import('../vendor/highlight.js').Piece[]} found @returns {Node[]} */
function pieces(found) {
  return found.map((piece) =>
    piece.type === 'text'
      ? text(piece.value)
      : h('span', { class: (piece.properties.className ?? []).join(' ') }, ...pieces(piece.children)),
  );
}

/** @param {Token[]} [tokens] @returns {Node[]} */
function inline(tokens = []) {
  return tokens.map((token) => {
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return h(token.type, {}, ...inline(token.tokens));
      case 'math':
        return formula(token);
      case 'codespan':
        return h('code', { dir: 'ltr' }, text(token.text));
      case 'br':
        return h('br');
      case 'link':
        return link(token.href, inline(token.tokens));
      case 'image':
        // Loading it would tell its host of this conversation.
        return link(token.href, [text(t('markdown.image', { text: token.text || token.href || '' }))]);
      case 'text':
      case 'escape':
        return token.tokens ? h('span', {}, ...inline(token.tokens)) : text(token.text);
      default:
        return text(token.raw);
    }
  });
}

/** @param {Token} token @returns {Node} */
function formula({ text: source = '', display = false, isOpen, raw }) {
  return isOpen ? h('span', { class: 'math-open' }, unset(raw)) : math(source, display, raw.trim());
}

/**
 * @param {string | undefined} href
 * @param {Node[]} children
 */
function link(href, children) {
  const safe = href !== undefined && URL.canParse(href) && ['http:', 'https:', 'mailto:'].includes(new URL(href).protocol);
  if (!safe) return h('span', {}, ...children);
  return h('a', { href, target: '_blank', rel: 'noopener noreferrer nofollow', referrerpolicy: 'no-referrer', title: href }, ...children);
}

/** @param {string} [content] */
function text(content = '') {
  return document.createTextNode(content);
}
