/** Draws what was measured, part by part, and writes it down as JSON. */
import { byId, h } from '../app/dom.js';
import * as format from '../app/format.js';
import { figure as short, inLanguage } from '../app/format.js';
import { t } from '../app/texts.js';
import { answerOf } from './answer.js';
import { barChart, drawInto, lineChart, partsChart } from './chart.js';
import { browserName, Comparison, unpacked } from './comparison.js';
import { toMarkdown } from './markdown.js';
import { drawPeer } from './peer-view.js';
import { pictureOf } from './picture.js';
import { drawSettings } from './settings-view.js';
import { speeds } from './statistics.js';
import { range } from './statistics-text.js';

/** Intervals taken together for the speed over time: enough to smooth the timer, few enough to show a stall. */
const SMOOTHING = 6;

export class Report {
  /** @type {Partial<import('./measure.js').Result>} */
  result = {};
  #name = '';
  #comparison = new Comparison((kept) => this.showKept(kept));

  constructor() {
    byId('copy').addEventListener('click', () => void copyText('copy', 'json', byId('json').textContent ?? ''));
    byId('copy-markdown').addEventListener('click', () => void copyText('copy-markdown', 'markdown', byId('markdown').textContent ?? ''));
    byId('copy-link').addEventListener('click', () => void copyText('copy-link', 'link', (byId('link').textContent = this.#link())));
    byId('save-picture').addEventListener('click', () => void this.#savePicture());
  }

  /** @param {string} name of the model */
  begin(name) {
    this.result = {};
    this.#name = name;
    for (const id of ['result', 'over-time', 'parts', 'prompts', 'settings-figure', 'peer-figure', 'self-test', 'sustained', 'json-figure', 'comparison'])
      byId(id).hidden = true;
    byId('figures').replaceChildren();
  }

  /** @param {Partial<import('./measure.js').Result>} more */
  add(more) {
    Object.assign(this.result, more);
    const { model, prompts, decode, parts, settings, settingsLeftOut, selfTest, sustained, peer } = this.result;
    byId('result').hidden = false;
    if (model) {
      byId('subject').textContent = [
        this.#name,
        model.architecture,
        t('gallery.parameters', { count: format.count(model.parameters) }),
        model.quantization,
        t('bench.build', { variant: model.variant }),
        t('info.kernel', { kernel: model.kernel }),
        t('info.threads', { n: model.threads }),
        t(model.isolated ? 'facts.isolated' : 'facts.notIsolated'),
      ].join(' · ');
    }
    this.#drawFigures();
    byId('answer').textContent = answerOf(this.result);
    if (prompts) this.#drawPrompts(prompts);
    if (decode) this.#drawDecode(decode);
    if (parts) this.#drawParts(parts);
    if (settings) drawSettings(settings, this.result);
    byId('settings-left-out').textContent = settingsLeftOut ? t('side.notKept') : '';
    if (peer) drawPeer(peer);
    if (selfTest) this.#drawSelfTest(selfTest);
    if (sustained && sustained.length > 1) this.#drawSustained(sustained);
  }

  /**
   * Shows the JSON and the comparison; call when all is measured.
   * @param {{ isOwn: boolean, entry?: import('./comparison.js').Entry }} how whether it was measured here and now; the entry among the
   *   others that it is
   */
  finish(how) {
    void this.#comparison.show(withoutTimes(this.result), this.#name, how);
    byId('json').textContent = JSON.stringify(this.toJSON(), null, 2);
    byId('markdown').textContent = toMarkdown(this.result, this.#name);
    byId('json-figure').hidden = false;
  }

  /** Everything, with what is known of the machine. */
  toJSON() {
    const { decode, ...rest } = this.result;
    return {
      tool: 'bitnet-web bench',
      format: 1,
      date: new Date().toISOString(),
      browser: {
        userAgent: navigator.userAgent,
        hardwareConcurrency: navigator.hardwareConcurrency,
        crossOriginIsolated: self.crossOriginIsolated,
      },
      modelName: this.#name,
      ...rest,
      decode: decode && { ...decode, times: decode.times.map((ms) => Math.round(ms * 10) / 10) },
    };
  }

  /** @returns {[name: string, value: string, unit: string, range?: string][]} */
  #figures() {
    const { decode, prompts, load, depths, machine, model } = this.result;
    /** @type {[name: string, value: string, unit: string, range?: string][]} */
    const figures = [];
    if (decode) figures.push([t('figure.decode'), short(decode.tokensPerSecond), 'tok/s', range(decode.spread)]);
    for (const { context, tokensPerSecond } of depths ?? []) figures.push([t('figure.depth', { count: context }), short(tokensPerSecond), 'tok/s']);
    for (const { tokens, prefillPerSecond } of prompts ?? []) figures.push([t('figure.prefill', { count: tokens }), short(prefillPerSecond.median), 'tok/s']);
    if (load) figures.push([t(load.fromCache ? 'figure.loadKept' : 'figure.load'), inLanguage((load.ms / 1000).toFixed(load.ms < 10_000 ? 2 : 0)), 's']);
    if (machine) {
      figures.push([t('figure.read'), short(machine.readPerSecond / 1e9), 'GB/s']);
      figures.push([t('figure.share'), (machine.readShare * 100).toFixed(0), '%']);
      if (model) figures.push([t('figure.memory'), short(model.memoryBytes / 1e6), 'MB']);
      figures.push([t('figure.engine'), short(machine.memoryBytes / 1e6), 'MB']);
    }
    return figures;
  }

  #drawFigures() {
    byId('figures').replaceChildren(
      ...this.#figures().map(([name, value, unit, range]) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, `${value} `, h('small', {}, unit), range && h('small', { class: 'figure-range' }, range))),
      ),
    );
  }

  /** @param {import('./measure.js').PromptResult[]} prompts */
  #drawPrompts(prompts) {
    const rows = prompts.map((p) =>
      h(
        'tr',
        {},
        h('td', {}, t('stats.tokens', { n: p.tokens })),
        h('td', {}, h('b', {}, short(p.prefillPerSecond.median))),
        h('td', { class: 'wide-only' }, range(p.prefillPerSecond)),
        h('td', {}, format.duration(p.firstTokenMs)),
        h('td', {}, p.decodePerSecond ? short(p.decodePerSecond.median) : '–'),
      ),
    );
    byId('prompts-table').replaceChildren(
      h(
        'thead',
        {},
        h(
          'tr',
          {},
          ...['prompt', 'prefill', 'range', 'first', 'decode'].map((name) =>
            h('th', { scope: 'col', class: name === 'range' ? 'wide-only' : '' }, t(`prompts.${name}`)),
          ),
        ),
      ),
      h('tbody', {}, ...rows),
    );
    byId('prompts').hidden = false;
  }

  /** @param {import('./measure.js').Result['decode']} decode */
  #drawDecode(decode) {
    const points = speeds(decode.times, SMOOTHING);
    if (points.length < 2) return;
    drawInto(byId('over-time-chart'), (width) => lineChart(width, points));
    byId('over-time').hidden = false;
  }

  /** @param {Record<string, number>} parts milliseconds */
  #drawParts(parts) {
    const whole = Object.values(parts).reduce((sum, ms) => sum + ms, 0);
    if (!(whole > 0)) return;
    const sorted = Object.entries(parts)
      .filter(([, ms]) => ms > 0)
      .sort(([, a], [, b]) => b - a)
      .map(([name, value]) => ({
        name: t(`part.${name}`),
        value,
        text: `${short(value)} ms, ${t('percent', { n: inLanguage(((value / whole) * 100).toFixed(value / whole < 0.095 ? 1 : 0)) })}`,
      }));
    const label = t('parts.label', { ms: short(whole), parts: sorted.map(({ name, text }) => `${name} ${text}`).join(', ') });
    drawInto(byId('parts-chart'), (width) => partsChart(width, sorted, label));
    byId('parts').hidden = false;
  }

  /** @param {import('../app/api.js').SelfTest} selfTest */
  #drawSelfTest({ kernels, passed, cases, failures }) {
    const rows = kernels.map(({ kernel, weightsPerSecond }, i) => ({
      name: kernel,
      value: weightsPerSecond,
      text: `${short(weightsPerSecond / 1e9)} G/s`,
      strong: i === 0,
    }));
    const label = rows.map(({ name, text }) => `${name} ${text}`).join('; ');
    drawInto(byId('self-test-chart'), (width) => barChart(width, rows, label));
    byId('self-test-note').textContent = passed
      ? t('test.passed', { count: cases })
      : t('test.failed', { failures: failures.join('; ') });
    byId('self-test').hidden = false;
  }

  /** @param {import('./measure.js').Result['sustained']} points */
  #drawSustained(points) {
    drawInto(byId('sustained-chart'), (width) => lineChart(width, points));
    const mean = (/** @type {typeof points} */ some) => some.reduce((sum, { tokensPerSecond }) => sum + tokensPerSecond, 0) / some.length;
    const part = Math.max(1, Math.floor(points.length / 5));
    const [first, last] = [mean(points.slice(0, part)), mean(points.slice(-part))];
    byId('sustained-note').textContent = t('sustained.note', { first: short(first), last: short(last), percent: Math.round((100 * last) / first) });
    byId('sustained').hidden = false;
  }

  /** Saves the figures as an image. */
  async #savePicture() {
    const { model } = this.result;
    const figures = this.#figures().map(([name, value, unit]) => /** @type {const} */ ([name, `${value} ${unit}`]));
    const foot = [browserName(navigator.userAgent), model && `${model.threads} × ${model.kernel}`, new Date().toISOString().slice(0, 10)].filter(Boolean).join(' · ');
    const blob = await pictureOf({ title: `bitnet-web · ${this.#name}`, sentence: answerOf(this.result), figures, foot });
    const address = URL.createObjectURL(blob);
    /** @type {HTMLAnchorElement} */ (h('a', { href: address, download: 'bitnet-web-benchmark.png' })).click();
    setTimeout(() => URL.revokeObjectURL(address), 10_000);
  }

  /** A link that holds the result behind its `#`, which browsers send to nobody. */
  #link() {
    const { selfTest: _, ...result } = this.result;
    const text = JSON.stringify({ name: this.#name, result: withoutTimes(result) });
    return `${location.origin}${location.pathname}#result=${encodeURIComponent(btoa(String.fromCharCode(...new TextEncoder().encode(text))))}`;
  }

  /**
   * Shows what a link holds.
   * @param {string} hash such as location.hash
   * @returns {boolean} whether it holds a result
   */
  showLink(hash) {
    const packed = new URLSearchParams(hash.slice(1)).get('result');
    if (!packed) return false;
    try {
      const { name, result } = unpacked(packed);
      this.begin(t('bench.fromLink', { name }));
      this.add(result);
      this.finish({ isOwn: false });
      return true;
    } catch {
      this.begin('');
      return false;
    }
  }

  /**
   * Shows a run that stands among the others.
   * @param {import('./comparison.js').Entry} entry
   */
  showKept(entry) {
    this.begin(entry.model);
    this.add(entry.result ?? {});
    this.finish({ isOwn: false, entry });
    byId('result-title').scrollIntoView({ block: 'start' });
    byId('result-title').focus({ preventScroll: true });
  }
}

/**
 * A result without the arrival of each token, of which there are hundreds.
 * @param {Partial<import('./measure.js').Result>} result
 */
function withoutTimes(result) {
  return result.decode ? { ...result, decode: { ...result.decode, times: [] } } : result;
}

/**
 * Copies, or selects where copying is refused, so that the keyboard's own copy works.
 * @param {string} button
 * @param {string} element what is selected
 * @param {string} text
 */
async function copyText(button, element, text) {
  const copy = byId(button);
  const label = copy.dataset.label ?? (copy.dataset.label = copy.textContent ?? '');
  try {
    await navigator.clipboard.writeText(text);
    copy.textContent = t('copy.done');
  } catch {
    getSelection()?.selectAllChildren(byId(element));
    copy.textContent = t('bench.selected');
  }
  setTimeout(() => (copy.textContent = label), 2500);
}
