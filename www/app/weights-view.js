/** The weights of the loaded model, to be looked at: a part of a matrix as a map, one little square a weight, and all of it counted. */
import { countWeights, matrices, weightTile } from '../dist/inspect.js';
import { h } from './dom.js';
import { figure, inLanguage } from './format.js';
import { has, t } from './texts.js';

/** @typedef {import('./api.js').Model} Model */
/** @typedef {import('../../worker/protocol.js').MatrixInfo} MatrixInfo */
/** @typedef {import('../../worker/protocol.js').WeightCounts} WeightCounts */

/** The side of a weight's square on the page, CSS pixels, and the rows that are shown. */
const SIDE = 5;
const ROWS = 40;
/** The most columns that are shown. */
const MOST_COLS = 256;
/** Codes in the order of their counts, and how they are written. */
const CODES = ['−1', '0', '+1', '+2'];

export class WeightsView {
  /** @type {Model | null} */
  #model = null;
  /** @type {MatrixInfo[]} */
  #matrices = [];
  /** @type {AbortController | null} */
  #counting = null;
  /** What was counted to the end, by the name of the matrix. @type {WeakMap<Model, Map<string, WeightCounts>>} */
  #counted = new WeakMap();
  /** The codes that are drawn. @type {{ codes: Int8Array, cols: number } | null} */
  #tile = null;
  /** The width that it was drawn for, CSS pixels. */
  #width = 0;
  /** The tile that is wanted, by a number: an older one that comes late is not drawn. */
  #wanted = 0;
  #layer = select('weights-layer', () => this.#chooseLayer());
  #matrix = select('weights-matrix', () => void this.#chooseMatrix());
  #row = slider('weights-row', () => void this.#drawTile());
  #col = slider('weights-col', () => void this.#drawTile());
  #rowText = h('output', { for: 'weights-row' });
  #colText = h('output', { for: 'weights-col' });
  #canvas = /** @type {HTMLCanvasElement} */ (h('canvas', { class: 'weights-map', role: 'img', 'data-testid': 'weights-map' }));
  #swatches = CODES.map((_, i) => h('span', { class: `swatch code-${i}`, 'aria-hidden': 'true' }));
  #cells = CODES.map(() => ({ count: h('td'), share: h('td') }));
  #lines = CODES.map((code, i) => h('tr', {}, h('th', { scope: 'row' }, this.#swatches[i], code), this.#cells[i].count, this.#cells[i].share));
  #about = h('p', { class: 'help', 'data-testid': 'weights-about' });
  #body;

  /** @param {HTMLElement} root */
  constructor(root) {
    const field = (/** @type {string} */ label, /** @type {HTMLElement} */ input, /** @type {HTMLElement | null} */ part = null) =>
      h('div', { class: 'field' }, h('label', { for: input.id }, label), part, input);
    this.#body = h(
      'div',
      { class: 'weights-view', hidden: true },
      h('div', { class: 'weights-choice names' }, field(t('weights.layer'), this.#layer), field(t('weights.matrix'), this.#matrix)),
      this.#canvas,
      h('div', { class: 'weights-choice' }, field(t('weights.rows'), this.#row, this.#rowText), field(t('weights.cols'), this.#col, this.#colText)),
      h(
        'table',
        { class: 'weights-counts', 'data-testid': 'weights-counts' },
        h('caption', { class: 'sr' }, t('weights.counts')),
        h('thead', {}, h('tr', {}, ...['code', 'count', 'share'].map((name) => h('th', { scope: 'col' }, t(`weights.${name}`))))),
        h('tbody', {}, ...this.#lines),
      ),
      this.#about,
    );
    root.append(this.#body);
    new ResizeObserver(() => this.#body.clientWidth !== this.#width && void this.#drawTile()).observe(this.#body);
    for (const query of ['(prefers-color-scheme: dark)', '(forced-colors: active)']) matchMedia(query).addEventListener('change', () => this.#paint());
  }

  /** @param {Model | null} model that is looked at from now on; null: none */
  async watch(model) {
    this.#counting?.abort();
    if (model === this.#model) return;
    this.#model = model;
    this.#tile = null;
    this.#body.hidden = true;
    const found = model ? await matrices(model).catch(() => []) : [];
    if (!model || model !== this.#model || found.length === 0) return;
    if (!this.#counted.has(model)) this.#counted.set(model, new Map());
    // What is kept as codes; where nothing is, the signs of what there is.
    const ternary = found.filter(({ signsOnly }) => !signsOnly);
    this.#matrices = ternary.length > 0 ? ternary : found;
    const layers = [...new Set(this.#matrices.map(({ name }) => layerOf(name)))].sort((a, b) => a - b);
    const before = this.#layer.value;
    fill(this.#layer, layers.map((layer) => [String(layer), layer < 0 ? t('weights.outside') : String(layer)]));
    if (layers.includes(Number(before || -2))) this.#layer.value = before;
    this.#body.hidden = false;
    this.#chooseLayer();
  }

  #chooseLayer() {
    const layer = Number(this.#layer.value);
    const before = partOf(this.#matrix.value);
    const here = this.#matrices.filter(({ name }) => layerOf(name) === layer);
    fill(this.#matrix, here.map(({ name }) => [name, titleOf(partOf(name))]));
    // The same matrix of another layer.
    this.#matrix.value = (here.find(({ name }) => partOf(name) === before) ?? here[0]).name;
    void this.#chooseMatrix();
  }

  /** @returns {MatrixInfo | undefined} */
  get #chosen() {
    return this.#matrices.find(({ name }) => name === this.#matrix.value);
  }

  async #chooseMatrix() {
    this.#counting?.abort();
    const [model, matrix] = [this.#model, this.#chosen];
    if (!model || !matrix) return;
    this.#row.value = this.#col.value = '0';
    void this.#drawTile();
    const known = this.#counted.get(model)?.get(matrix.name);
    this.#showCounts(matrix, known ?? { counts: [0, 0, 0, 0], next: 0 });
    if (known) return;
    const { signal } = (this.#counting = new AbortController());
    let shown = performance.now();
    const onProgress = (/** @type {WeightCounts} */ counts) => {
      if (signal.aborted || performance.now() - shown < 200) return;
      shown = performance.now();
      this.#showCounts(matrix, counts);
    };
    const counts = await countWeights(model, matrix, { signal, onProgress }).catch(() => null);
    if (counts === null || signal.aborted) return;
    this.#counted.get(model)?.set(matrix.name, counts);
    this.#showCounts(matrix, counts);
  }

  /** @param {MatrixInfo} matrix @param {WeightCounts} so far */
  #showCounts(matrix, { counts, scales, next }) {
    const { rows, cols, type, groupColumns, signsOnly } = matrix;
    const all = counts.reduce((sum, count) => sum + count, 0);
    const isDone = next === rows;
    this.#cells.forEach(({ count, share }, i) => {
      count.textContent = isDone ? number(counts[i]) : '…';
      share.textContent = all > 0 ? t('percent', { n: figure((100 * counts[i]) / all) }) : '…';
    });
    // Nearly no type can hold a code of 2.
    this.#lines[3].hidden = counts[3] === 0;
    this.#swatches[3].hidden = counts[3] === 0;
    const scale =
      !scales ? ''
      : scales[0] === scales[1] ? t('weights.oneScale', { scale: scaleText(scales[0]) })
      : t('weights.scales', { cols: groupColumns ?? cols, least: scaleText(scales[0]), greatest: scaleText(scales[1]) });
    const shape = t('weights.shape', { rows: number(rows), cols: number(cols), type });
    const counting = isDone ? '' : t('weights.counting', { n: Math.floor((100 * next) / rows) });
    this.#about.textContent = [shape, signsOnly ? t('weights.signs') : scale, counting].filter(Boolean).join(' ');
  }

  async #drawTile() {
    const [model, matrix, width] = [this.#model, this.#chosen, this.#body.clientWidth];
    if (!model || !matrix || width === 0) return;
    this.#width = width;
    const rows = Math.min(ROWS, matrix.rows);
    const cols = Math.min(MOST_COLS, matrix.cols, Math.max(1, Math.floor(width / SIDE)));
    const row = range(this.#row, this.#rowText, rows, matrix.rows);
    const col = range(this.#col, this.#colText, cols, matrix.cols);
    const wanted = (this.#wanted += 1);
    const codes = await weightTile(model, matrix.name, { row, rows, col, cols }).catch(() => null);
    if (codes === null || wanted !== this.#wanted) return;
    this.#tile = { codes, cols };
    this.#canvas.setAttribute('aria-label', t('weights.map', { name: matrix.name, row: row + 1, lastRow: row + rows, col: col + 1, lastCol: col + cols }));
    this.#paint();
  }

  /** Draws the tile in the colours of the moment: those of the squares beside the codes. */
  #paint() {
    const context = this.#canvas.getContext('2d');
    if (!this.#tile || !context) return;
    const { codes, cols } = this.#tile;
    const colours = this.#swatches.map((swatch) => getComputedStyle(swatch).backgroundColor);
    [this.#canvas.width, this.#canvas.height] = [cols, codes.length / cols];
    codes.forEach((code, at) => {
      context.fillStyle = colours[code + 1];
      context.fillRect(at % cols, Math.floor(at / cols), 1, 1);
    });
  }
}

/**
 * @param {string} id
 * @param {() => void} onchange
 */
function select(id, onchange) {
  return /** @type {HTMLSelectElement} */ (h('select', { id, onchange }));
}

/**
 * @param {string} id
 * @param {() => void} oninput
 */
function slider(id, oninput) {
  return /** @type {HTMLInputElement} */ (h('input', { type: 'range', id, min: '0', value: '0', oninput }));
}

/**
 * Sets the range of a slider for a part of a matrix, and tells where the part lies.
 * @param {HTMLInputElement} input
 * @param {HTMLElement} output
 * @param {number} shown rows or columns
 * @param {number} all
 * @returns {number} the first
 */
function range(input, output, shown, all) {
  input.max = String(all - shown);
  input.disabled = all === shown;
  const first = Number(input.value);
  output.textContent = t('weights.part', { first: number(first + 1), last: number(first + shown), all: number(all) });
  input.setAttribute('aria-valuetext', output.textContent);
  return first;
}

/** @param {HTMLSelectElement} select @param {[value: string, text: string][]} options */
function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => h('option', { value }, text)));
}

/** The layer of a tensor's name, -1 outside of all. @param {string} name */
function layerOf(name) {
  return Number(/^blk\.(\d+)\./.exec(name)?.[1] ?? -1);
}

/** A tensor's name without its layer and its end. @param {string} name */
function partOf(name) {
  return name.replace(/^blk\.\d+\./, '').replace(/\.weight$/, '');
}

/** @param {string} part */
function titleOf(part) {
  return has(`matrix.${part}`) ? `${part}: ${t(`matrix.${part}`)}` : part;
}

/** @param {number} scale */
function scaleText(scale) {
  return inLanguage(Number(scale.toPrecision(3)));
}

/** A whole number, every digit of it. @param {number} value */
function number(value) {
  return value.toLocaleString(document.documentElement.lang);
}
