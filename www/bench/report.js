/** Draws what was measured, part by part, and writes it down as JSON. */
import { byId, h } from '../app/dom.js';
import * as format from '../app/format.js';
import { barChart, drawInto, lineChart, partsChart } from './chart.js';
import { speeds } from './statistics.js';

/** Intervals taken together for the speed over time: enough to smooth the timer, few enough to show a stall. */
const SMOOTHING = 6;

export class Report {
  /** @type {Partial<import('./measure.js').Result>} */
  result = {};
  #name = '';

  constructor() {
    byId('copy').addEventListener('click', () => void this.#copy());
  }

  /** @param {string} name of the model */
  begin(name) {
    this.result = {};
    this.#name = name;
    for (const id of ['result', 'over-time', 'parts', 'prompts', 'kernels', 'self-test', 'json-figure'])
      byId(id).hidden = true;
    byId('figures').replaceChildren();
  }

  /** @param {Partial<import('./measure.js').Result>} more */
  add(more) {
    Object.assign(this.result, more);
    const { model, prompts, decode, parts, kernels, selfTest } = this.result;
    byId('result').hidden = false;
    if (model) {
      byId('subject').textContent = [
        this.#name,
        model.architecture,
        `${format.count(model.parameters)} parameters`,
        model.quantization,
        `${model.variant} build`,
        `${model.kernel} kernel`,
        format.plural(model.threads, 'thread'),
        model.isolated ? 'isolated' : 'not isolated',
      ].join(' · ');
    }
    this.#drawFigures();
    if (prompts) this.#drawPrompts(prompts);
    if (decode) this.#drawDecode(decode);
    if (parts) this.#drawParts(parts);
    if (kernels?.length) this.#drawKernels(kernels);
    if (selfTest) this.#drawSelfTest(selfTest);
  }

  /** Shows the JSON; call when all is measured. */
  finish() {
    byId('json').textContent = JSON.stringify(this.toJSON(), null, 2);
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

  #drawFigures() {
    const { decode, prompts, load, depths, machine } = this.result;
    /** @type {[name: string, value: string, unit: string][]} */
    const figures = [];
    if (decode) figures.push(['Decode', short(decode.tokensPerSecond), 'tok/s']);
    for (const { context, tokensPerSecond } of depths ?? [])
      figures.push([`Decode at depth ${context}`, short(tokensPerSecond), 'tok/s']);
    for (const prompt of prompts ?? [])
      figures.push([`Prefill, ${prompt.tokens} tokens`, short(prompt.prefillPerSecond.median), 'tok/s']);
    if (load)
      figures.push([
        load.fromCache ? 'Load, from this device' : 'Load',
        (load.ms / 1000).toFixed(load.ms < 10_000 ? 2 : 0),
        's',
      ]);
    if (machine) {
      figures.push(['Memory, read at most', short(machine.readPerSecond / 1e9), 'GB/s']);
      figures.push(['Of that used by decode', (machine.readShare * 100).toFixed(0), '%']);
      figures.push(['Memory, taken at most', short(machine.memoryBytes / 1e6), 'MB']);
    }
    byId('figures').replaceChildren(
      ...figures.map(([name, value, unit]) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, `${value} `, h('small', {}, unit))),
      ),
    );
  }

  /** @param {import('./measure.js').PromptResult[]} prompts */
  #drawPrompts(prompts) {
    const range = (/** @type {import('./statistics.js').Spread} */ s) =>
      s.repetitions > 1 ? `${short(s.min)} to ${short(s.max)}` : 'one run';
    const rows = prompts.map((p) =>
      h(
        'tr',
        {},
        h('td', {}, format.plural(p.tokens, 'token')),
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
          ...['Prompt', 'Prefill', 'Range', 'First token', 'Then decode'].map((name) =>
            h('th', { scope: 'col', class: name === 'Range' ? 'wide-only' : '' }, name),
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
        name,
        value,
        text: `${short(value)} ms, ${((value / whole) * 100).toFixed(value / whole < 0.095 ? 1 : 0)}%`,
      }));
    const label = `Parts of a token, ${short(whole)} ms: ${sorted.map(({ name, text }) => `${name} ${text}`).join(', ')}.`;
    drawInto(byId('parts-chart'), (width) => partsChart(width, sorted, label));
    byId('parts').hidden = false;
  }

  /** @param {import('./measure.js').KernelResult[]} kernels */
  #drawKernels(kernels) {
    const best = Math.max(...kernels.map((k) => k.decodePerSecond ?? 0));
    const rows = kernels.map((k) => ({
      name: k.kernel,
      value: k.decodePerSecond ?? null,
      text: k.error
        ? `not here (${k.error})`
        : `${short(k.decodePerSecond ?? 0)} tok/s, prefill ${short(k.prefillPerSecond ?? 0)}`,
      strong: k.decodePerSecond === best,
    }));
    const label = `Kernels: ${rows.map(({ name, text }) => `${name} ${text}`).join('; ')}.`;
    drawInto(byId('kernels-chart'), (width) => barChart(width, rows, label));
    const hashes = new Set([this.result.logitsHash, ...kernels.map((k) => k.logitsHash)].filter(Boolean));
    byId('kernels-note').textContent =
      hashes.size === 1
        ? `All of them compute the same: logits hash ${[...hashes][0]}.`
        : `They do not agree, which is a bug worth reporting: logits hashes ${[...hashes].join(', ')}.`;
    byId('kernels').hidden = false;
  }

  /** @param {import('../app/api.js').SelfTest} selfTest */
  #drawSelfTest({ kernels, passed, cases, failures }) {
    const rows = kernels.map(({ kernel, weightsPerSecond }, i) => ({
      name: kernel,
      value: weightsPerSecond,
      text: `${short(weightsPerSecond / 1e9)} G/s`,
      strong: i === 0,
    }));
    const label = `Weights per second: ${rows.map(({ name, text }) => `${name} ${text}`).join('; ')}.`;
    drawInto(byId('self-test-chart'), (width) => barChart(width, rows, label));
    byId('self-test-note').textContent = passed
      ? `${cases} results compared with their plain definition: all as they should be.`
      : `Products that differ from the plain reference, which is a bug worth reporting: ${failures.join('; ')}`;
    byId('self-test').hidden = false;
  }

  async #copy() {
    const copy = byId('copy');
    try {
      await navigator.clipboard.writeText(byId('json').textContent ?? '');
      copy.textContent = 'Copied';
    } catch {
      // Without permission the text is selected, so that the keyboard's own copy works.
      getSelection()?.selectAllChildren(byId('json'));
      copy.textContent = 'Selected: copy it with the keyboard';
    }
    setTimeout(() => {
      copy.textContent = 'Copy';
    }, 2500);
  }
}

/** @param {number} value three significant digits */
function short(value) {
  return value >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}
