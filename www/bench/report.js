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
    byId('copy').addEventListener('click', () => void copyText('copy', 'json', byId('json').textContent ?? ''));
    byId('copy-markdown').addEventListener('click', () => void copyText('copy-markdown', 'markdown', byId('markdown').textContent ?? ''));
    byId('copy-link').addEventListener('click', () => void copyText('copy-link', 'link', (byId('link').textContent = this.#link())));
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
    byId('answer').textContent = answerOf(this.result);
    if (prompts) this.#drawPrompts(prompts);
    if (decode) this.#drawDecode(decode);
    if (parts) this.#drawParts(parts);
    if (kernels?.length) this.#drawKernels(kernels);
    if (selfTest) this.#drawSelfTest(selfTest);
  }

  /** Shows the JSON; call when all is measured. */
  finish() {
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

  #drawFigures() {
    const { decode, prompts, load, depths, machine, model } = this.result;
    /** @type {[name: string, value: string, unit: string][]} */
    const figures = [];
    if (decode) figures.push(['Decode', short(decode.tokensPerSecond), `tok/s (${range(decode.spread)})`]);
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
      if (model) figures.push(['Memory of the model', short(model.memoryBytes / 1e6), 'MB']);
      figures.push(['Of the whole engine, at most', short(machine.memoryBytes / 1e6), 'MB']);
    }
    byId('figures').replaceChildren(
      ...figures.map(([name, value, unit]) =>
        h('div', {}, h('dt', {}, name), h('dd', {}, `${value} `, h('small', {}, unit))),
      ),
    );
  }

  /** @param {import('./measure.js').PromptResult[]} prompts */
  #drawPrompts(prompts) {
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
    const used = this.result.model?.kernel;
    const best = [...kernels].sort((a, b) => (b.decodePerSecond ?? 0) - (a.decodePerSecond ?? 0))[0];
    const rows = kernels.map((k) => ({
      name: k.kernel,
      value: k.decodePerSecond ?? null,
      text: k.error
        ? `not here (${k.error})`
        : `${short(k.decodePerSecond ?? 0)} tok/s, prefill ${short(k.prefillPerSecond ?? 0)}`,
      strong: k.kernel === used,
    }));
    const label = `Kernels: ${rows.map(({ name, text }) => `${name} ${text}`).join('; ')}.`;
    drawInto(byId('kernels-chart'), (width) => barChart(width, rows, label));
    const hashes = new Set([this.result.logitsHash, ...kernels.map((k) => k.logitsHash)].filter(Boolean));
    const other =
      used && best.kernel !== used
        ? `The run above used ${used} (dark), chosen by a short measurement; here ${best.kernel} was the fastest. `
        : '';
    byId('kernels-note').textContent =
      other +
      (hashes.size === 1
        ? `All of them compute the same: logits hash ${[...hashes][0]}.`
        : `They do not agree, which is a bug worth reporting: logits hashes ${[...hashes].join(', ')}.`);
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

  /** A link that holds the result behind its `#`, which browsers send to nobody. */
  #link() {
    const { selfTest: _, ...result } = this.result;
    const text = JSON.stringify({ name: this.#name, result: result.decode ? { ...result, decode: { ...result.decode, times: [] } } : result });
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
      const { name, result } = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(packed), (c) => c.charCodeAt(0))));
      this.begin(`${name} (from a link)`);
      this.add(result);
      this.finish();
      return true;
    } catch {
      this.begin('');
      return false;
    }
  }
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
    copy.textContent = 'Copied';
  } catch {
    getSelection()?.selectAllChildren(byId(element));
    copy.textContent = 'Selected: copy it with the keyboard';
  }
  setTimeout(() => (copy.textContent = label), 2500);
}

/** Weights below this stay in a processor's cache, bytes; memory is no limit then. */
const CACHE = 32e6;

/**
 * How fast it is, and why.
 * @param {Partial<import('./measure.js').Result>} result
 */
function answerOf({ decode, machine, model, parts }) {
  if (!decode || !model) return '';
  const speed = `This browser writes ${short(decode.tokensPerSecond)} tokens a second with this model, on ${format.plural(model.threads, 'thread')}.`;
  const largest = Object.entries(parts ?? {}).sort(([, a], [, b]) => b - a)[0]?.[0];
  if (!machine) return speed;
  if (model.weightBytes < CACHE) {
    const where = largest ? ` Most of a token’s time goes to ${PARTS[largest] ?? largest}.` : '';
    return `${speed} Its weights (${format.bytes(model.weightBytes)}) stay in the processor’s cache, so memory is no limit.${where}`;
  }
  const most = machine.readPerSecond / model.weightBytes;
  return (
    `${speed} Its memory gives ${short(machine.readPerSecond / 1e9)} GB a second, and each token reads up to ${format.bytes(model.weightBytes)} of weights: ` +
    `at most ${short(most)} tokens a second. ${short((100 * decode.tokensPerSecond) / most)}% of that is used` +
    (largest ? `; most of a token’s time goes to ${PARTS[largest] ?? largest}.` : '.')
  );
}

/** The parts of a token in words. @type {Record<string, string>} */
const PARTS = {
  ternary: 'the products with ternary weights',
  attention: 'attention, which looks back at all earlier tokens',
  head: 'the head, which compares with every token of the vocabulary',
  norms: 'norms and quantization between the products',
  sampling: 'choosing the token',
  barriers: 'threads that wait for each other',
  other: 'the loop around the model',
};

/**
 * The figures as a table in Markdown.
 * @param {Partial<import('./measure.js').Result>} result
 * @param {string} name
 */
function toMarkdown({ model, decode, prompts, machine }, name) {
  const rows = [
    ['Model', `${name}${model ? `, ${model.quantization}` : ''}`],
    ['Kernel, threads', model ? `${model.kernel} (${model.variant}), ${model.threads}` : ''],
    ['Decode, tok/s', decode ? `${short(decode.tokensPerSecond)} (${range(decode.spread)})` : ''],
    ...(prompts ?? []).map((p) => [`Prefill of ${p.tokens}, tok/s`, short(p.prefillPerSecond.median)]),
    ['Memory, GB/s', machine ? short(machine.readPerSecond / 1e9) : ''],
  ];
  return `| | |\n|---|---|\n${rows.map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`;
}

/** @param {import('./statistics.js').Spread} s */
function range(s) {
  return s.repetitions > 1 ? `${short(s.min)} to ${short(s.max)}` : 'one run';
}

/** @param {number} value three significant digits */
function short(value) {
  return value >= 100 ? Math.round(value).toString() : Number(value.toPrecision(3)).toString();
}
