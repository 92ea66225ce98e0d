/** The engine at work: what it does this moment, how close that is to what the machine can do, and where the time of a token goes. */
import { readLimit } from '../dist/bench.js';
import { drawInto, partsChart, sparkline } from '../bench/chart.js';
import { h } from './dom.js';
import * as format from './format.js';
import { has, t } from './texts.js';
import { ThreadLoadView } from './thread-load.js';
import { WeightsView } from './weights-view.js';

/** @typedef {import('./api.js').Model} Model */
/** @typedef {import('../../worker/types.js').MetricsSnapshot} MetricsSnapshot */

/** How often the panel is drawn, milliseconds, and how many of these the curve shows. */
const EVERY = 500;
const SHOWN = 120;
/** Bytes for measuring how fast memory is read: several times what a processor's cache holds. */
const LIMIT_BYTES = 64 << 20;
/** Weights below this stay in a processor's cache, bytes. */
const CACHE = 32e6;

export class WorkPanel {
  /** @type {Model | null} */
  #model = null;
  /** @type {AbortController | null} */
  #watching = null;
  #timer = 0;
  #tokens = 0;
  /** Tokens per second in each interval, the newest last. @type {number[]} */
  #curve = [];
  #drawn = performance.now();
  /** Bytes per second that the threads of a model can read. @type {WeakMap<Model, number>} */
  #limits = new WeakMap();
  /** @type {MetricsSnapshot | null} */
  #snapshot = null;
  #speed = h('output', { class: 'work-speed', 'data-testid': 'work-speed' });
  #chart = h('div', { class: 'chart work-curve' });
  #reading = h('p', { class: 'help', 'data-testid': 'work-reading' });
  #bar = h('span', { class: 'work-bar', 'aria-hidden': 'true' });
  #facts = h('dl', { class: 'facts', 'data-testid': 'work-facts' });
  #parts = h('div', { class: 'chart', 'data-testid': 'work-parts' });
  #partsNote = h('p', { class: 'help' }, t('work.partsLater'));
  #waiting = h('p', { class: 'help', 'data-testid': 'work-waiting' });
  #threads;
  #weights;

  /**
   * @param {HTMLElement} root
   * @param {import('./chat.js').Chat} chat
   * @param {() => void} onClose
   */
  constructor(root, chat, onClose) {
    this.chat = chat;
    const threads = h('section', {}, h('h3', { class: 'eyebrow' }, t('work.threads')));
    const weights = h('section', { class: 'wide' }, h('h3', { class: 'eyebrow' }, t('weights.title')));
    root.replaceChildren(
      h(
        'header',
        { class: 'sheet-bar' },
        h('h2', { tabindex: '-1' }, t('work.title')),
        h('button', { type: 'button', class: 'quiet small', onclick: onClose, 'data-testid': 'close-work' }, t('close')),
      ),
      h(
        'div',
        { class: 'work-body', tabindex: '0', role: 'region', 'aria-label': t('work.title') },
        h('section', {}, h('h3', { class: 'eyebrow' }, t('work.now')), this.#speed, this.#chart),
        h('section', {}, h('h3', { class: 'eyebrow' }, t('work.memory')), this.#bar, this.#reading),
        h('section', {}, h('h3', { class: 'eyebrow' }, t('work.parts')), this.#parts, this.#partsNote, this.#waiting),
        threads,
        h('section', {}, h('h3', { class: 'eyebrow' }, t('work.engine')), this.#facts),
        weights,
      ),
    );
    this.#threads = new ThreadLoadView(threads);
    this.#weights = new WeightsView(weights);
  }

  /** A token has come. */
  count() {
    this.#tokens += 1;
  }

  /** @param {import('./answer.js').AnswerStats} stats of an answer that has ended */
  showAnswer({ parts, guessedTokens = 0, acceptedTokens = 0 }) {
    this.#guesses = { guessed: this.#guesses.guessed + guessedTokens, accepted: this.#guesses.accepted + acceptedTokens };
    const whole = Object.values(parts ?? {}).reduce((sum, ms) => sum + ms, 0);
    if (!parts || !(whole > 0)) return;
    const rows = Object.entries(parts)
      .filter(([, ms]) => ms > 0)
      .sort(([, a], [, b]) => b - a)
      .map(([name, value]) => ({
        name: has(`part.${name}`) ? t(`part.${name}`) : name,
        value,
        text: `${format.milliseconds(value)}, ${Math.round((100 * value) / whole)}%`,
      }));
    const label = rows.map(({ name, text }) => `${name}: ${text}`).join('; ');
    drawInto(this.#parts, (width) => partsChart(width, rows, label));
    this.#partsNote.textContent = t('work.partsOf', { time: format.milliseconds(whole) });
    const { threads = 1 } = this.#model?.info ?? {};
    const waiting = Math.round((100 * (parts.barriers ?? 0)) / whole);
    this.#waiting.textContent = threads > 1 ? t('work.waiting', { n: threads, busy: 100 - waiting, waiting }) : t('work.alone');
  }

  #guesses = { guessed: 0, accepted: 0 };

  /**
   * Looks at a model from now on; null: at none, and then nothing here costs anything.
   * @param {Model | null} model
   */
  watch(model) {
    if (model !== null && model === this.#model) return;
    this.#watching?.abort();
    clearInterval(this.#timer);
    this.#model = model;
    this.#threads.watch(model);
    void this.#weights.watch(model);
    this.#snapshot = null;
    this.#curve = [];
    this.#guesses = { guessed: 0, accepted: 0 };
    this.#drawn = performance.now();
    this.#tokens = 0;
    if (model === null) return;
    this.#watching = new AbortController();
    const { signal } = this.#watching;
    model.on('metrics', (snapshot) => (this.#snapshot = snapshot), { interval: EVERY, signal });
    this.#timer = window.setInterval(() => this.#draw(model), EVERY);
    this.#draw(model);
    // Memory is measured while nobody waits for the threads.
    if (!this.chat.isRunning && !this.#limits.has(model) && model.info.weightBytes >= CACHE) void this.#measure(model);
  }

  /** @param {Model} model */
  async #measure(model) {
    const found = await readLimit(model, LIMIT_BYTES).catch(() => null);
    if (found) this.#limits.set(model, found.best);
  }

  /** @param {Model} model */
  #draw(model) {
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#drawn) / 1000);
    const speed = this.#tokens / seconds;
    this.#drawn = now;
    this.#tokens = 0;
    this.#curve = [...this.#curve, speed].slice(-SHOWN);
    this.#speed.textContent = speed > 0 ? format.rate(speed) : t('work.idle');
    const most = Math.max(...this.#curve);
    const { clientWidth } = this.#chart;
    if (clientWidth > 0) this.#chart.replaceChildren(sparkline(clientWidth, this.#curve, SHOWN, t('work.curve', { rate: format.rate(most) })));
    void this.#threads.draw();
    this.#drawReading(model, speed);
    this.#drawFacts(model);
  }

  /** @param {Model} model @param {number} speed tokens per second */
  #drawReading(model, speed) {
    const { weightBytes } = model.info;
    const limit = this.#limits.get(model);
    // Metrics rest while nothing happens.
    const bytes = speed > 0 ? this.#snapshot?.perSecond.weightBytes || speed * weightBytes : 0;
    const used = t('work.reads', { bytes: format.bytes(bytes) });
    const rest =
      weightBytes < CACHE ? t('work.inCache', { size: format.bytes(weightBytes) })
      : limit ? t('work.ofLimit', { limit: format.bytes(limit), percent: Math.round((100 * bytes) / limit) })
      : '';
    this.#reading.textContent = `${used} ${rest}`.trim();
    this.#bar.hidden = !limit || weightBytes < CACHE;
    if (limit) this.#bar.style.setProperty('--share', String(Math.min(1, bytes / limit)));
  }

  /** @param {Model} model */
  #drawFacts(model) {
    const { kernel, variant, threads, precision, memoryBytes, weightBytes } = model.info;
    const { kv, memory } = this.#snapshot ?? {};
    const { guessed, accepted } = this.#guesses;
    /** @type {[string, string][]} */
    const facts = [
      [t('facts.kernel'), `${kernel}, ${variant}`],
      [t('facts.threads'), String(threads)],
      [t('facts.precision'), t(`settings.${precision}`)],
      [t('work.weights'), format.bytes(weightBytes)],
      ...(/** @type {[string, string][]} */ (
        kv && memory
          ? [
              [t('work.kv'), t('work.kvUse', { used: kv.blocks * kv.blockTokens, most: kv.mostBlocks * kv.blockTokens })],
              [t('work.kvBytes'), format.bytes(memory.kv)],
              [t('work.wasm'), format.bytes(memory.wasm)],
            ]
          : [[t('facts.memory'), format.bytes(memoryBytes)]]
      )),
      [t('work.guesses'), guessed ? t('details.accepted', { accepted, guessed }) : t('work.noGuesses')],
    ];
    this.#facts.replaceChildren(...facts.map(([label, value]) => h('div', {}, h('dt', {}, label), h('dd', {}, value))));
  }
}
