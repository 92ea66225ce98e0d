// The results as tables in Markdown.
import { cell, short, spread, table } from './statistics.mjs';

/** @import { Options } from './options.mjs' */
/** @import { EngineResult } from './engines.mjs' */

/** Parts of a token in the order in which they are told. */
const PARTS = ['ternary', 'attention', 'head', 'norms', 'sampling', 'barriers', 'other'];

/** Parts of a load: bytes copied into WebAssembly's memory, checksums, directory and tokenizer, weights, kernels measured. */
const LOAD_PARTS = ['waiting', 'copy', 'check', 'directory', 'unpack', 'kernels'];

/** @typedef {{ name: string, threads: number, runs: any[] }} Subject */

/**
 * @param {{ machine: string, browser: string, date: string, options: Options, subjects: Subject[], loads: any[], engines: EngineResult[] }} result
 * @returns {string}
 */
export function report({ machine, browser, date, options, subjects, loads, engines }) {
  const ran = subjects.filter(({ runs }) => runs.length > 0);
  const ours = ran.filter(({ name }) => name.startsWith('bitnet-web'));
  const peers = ran.filter(({ name }) => !name.startsWith('bitnet-web'));
  const sections = [
    `# ${options.name}\n\n${machine}, ${browser}, ${date.slice(0, 10)}, precision ${options.precision}. ` +
      'Medians (least-most); speeds in tokens per second.',
  ];
  if (ours.length) sections.push(speeds(ours, options), limits(ours), parts(ours, options));
  if (peers.length) sections.push(comparison(ours, peers, options));
  if (loads.length) sections.push(loading(loads));
  if (engines.length) sections.push(kernels(engines));
  return `${sections.join('\n\n')}\n`;
}

/** @param {Subject} subject */
function kernelOf({ name, runs }) {
  const chosen = [...new Set(runs.map((run) => run.info.kernel))].join(', ');
  return name.endsWith('auto') ? `${chosen} (chosen)` : chosen;
}

/** @param {Subject[]} subjects @param {Options} options */
function speeds(subjects, { prompts, contexts }) {
  const lengths = prompts.filter((count) => subjects.some(({ runs }) => runs.some((run) => run.prefill[count])));
  const behind = [...new Set(subjects.flatMap(({ runs }) => runs.flatMap((run) => Object.keys(run.decode))))];
  const heads = ['threads', 'kernel', ...lengths.map((n) => `prefill ${n}`), 'logits of 512', ...behind.map((n) => `decode at ${n}`)];
  const rows = subjects.map((subject) => [
    String(subject.threads),
    kernelOf(subject),
    ...lengths.map((n) => cell(subject.runs.map((run) => run.prefill[n]?.perSecond))),
    cell(subject.runs.map((run) => run.logits?.perSecond)),
    ...behind.map((n) => cell(subject.runs.map((run) => run.decode[n]?.perSecond))),
    cell(subject.runs.map((run) => run.prefill[Math.min(...lengths)]?.firstTokenMs)),
    [...new Set(subject.runs.map((run) => run.hash))].join(', '),
  ]);
  return table([...heads, `first token after ${Math.min(...lengths)}, ms`, 'logits hash'], rows);
}

/**
 * The speed of memory, and how much of it a token uses: the weights that it reads, over its time.
 * @param {Subject[]} subjects
 */
function limits(subjects) {
  const rows = subjects.map((subject) => {
    const read = subject.runs.map((run) => run.decode[0]?.weightBytesPerToken * run.decode[0]?.perSecond);
    return [
      String(subject.threads),
      kernelOf(subject),
      cell(subject.runs.map((run) => run.limit.best / 1e9)),
      cell(subject.runs.map((run) => run.limit.median / 1e9)),
      cell(read.map((bytes) => bytes / 1e9)),
      cell(subject.runs.map((run, i) => (100 * read[i]) / run.limit.best)),
      cell(subject.runs.map((run) => run.processorSeconds)),
    ];
  });
  const heads = ['threads', 'kernel', 'streaming read, best piece, GB/s', 'median piece', 'decode reads, GB/s'];
  return table([...heads, 'share of the best, %', 'processor seconds a token'], rows);
}

/** @param {Subject[]} subjects @param {Options} options */
function parts(subjects, { prompts, contexts }) {
  const rows = subjects.flatMap((subject) => {
    const row = (/** @type {string} */ what, /** @type {(run: any) => any} */ of) => {
      const runs = subject.runs.map(of).filter(Boolean);
      if (runs.length === 0) return [];
      const mean = (/** @type {string} */ part) => cellOf(runs.map((run) => run.parts[part]));
      return [[String(subject.threads), kernelOf(subject), what, ...PARTS.map(mean)]];
    };
    return [
      ...contexts.flatMap((n) => row(`decode at ${n}`, (run) => run.decode[n])),
      ...prompts.flatMap((n) => row(`prefill ${n}`, (run) => run.prefill[n])),
    ];
  });
  return `Milliseconds a token by part, medians:\n\n${table(['threads', 'kernel', 'what', ...PARTS], rows)}`;
}

/** @param {number[]} samples */
const cellOf = (samples) => short(spread(samples)?.median ?? NaN);

/**
 * @param {Subject[]} ours
 * @param {Subject[]} peers
 * @param {Options} options
 */
function comparison(ours, peers, { peerPrompts }) {
  /** @type {[string, (run: any) => number][]} */
  const columns = [
    ...peerPrompts.map((n) => /** @type {[string, (run: any) => number]} */ ([`prefill ${n}`, (run) => run.prefill[n]?.perSecond])),
    ['decode at 0', (run) => run.decode[0]?.perSecond],
  ];
  const rows = peers.map((peer) => {
    const rivals = ours.filter(({ threads }) => threads === peer.threads);
    const cells = columns.map(([, pick]) => {
      const theirs = spread(peer.runs.map(pick).filter(Number.isFinite));
      if (theirs === undefined) return 'not measured';
      const best = Math.max(...rivals.map(({ runs }) => spread(runs.map(pick).filter(Number.isFinite))?.median ?? 0));
      const ratio = best > 0 ? `, ours ${short(best / theirs.median)} times` : '';
      return `${cell(peer.runs.map(pick))}${ratio}`;
    });
    return [String(peer.threads), peer.name, ...cells, cell(peer.runs.map((run) => run.processorSeconds))];
  });
  const version = peers[0].runs[0].info.version;
  const heads = ['threads', 'peer', ...columns.map(([name]) => name), 'processor seconds a token'];
  return `The same shape in wllama (llama.cpp ${version}):\n\n${table(heads, rows)}`;
}

/** @param {any[]} loads */
function loading(loads) {
  const rows = ['network', 'storage'].map((from) => {
    const runs = loads.filter((load) => load.from === from);
    const gigabytes = (/** @type {string} */ name) => cell(runs.map((run) => run[name] / 1e9));
    const ratio = cell(runs.map((run) => run.wasmBytes / run.expectedBytes));
    return [from, cell(runs.map((run) => run.loadMs / 1000)), gigabytes('wasmBytes'), gigabytes('expectedBytes'), ratio, gigabytes('pageBytes')];
  });
  const heads = ['from', 'load, s', 'peak WebAssembly memory, GB', 'weights and whole KV cache, GB', 'ratio', 'page memory, GB'];
  const seconds = ['network', 'storage'].map((from) => {
    const runs = loads.filter((load) => load.from === from && load.parts);
    const part = (/** @type {string} */ name) => cell(runs.map((run) => run.parts[name] / 1000));
    return [from, ...LOAD_PARTS.map(part), cell(runs.map((run) => run.firstTokenMs / 1000))];
  });
  return `${table(heads, rows)}\n\nSeconds by part of a load; with several threads, directory and unpack are those of another one:\n\n${table(
    ['from', ...LOAD_PARTS, 'then the first token after 16'],
    seconds,
  )}`;
}

/** @param {EngineResult[]} engines */
function kernels(engines) {
  const rows = engines.flatMap(({ engine, version = engine, tests, error }) =>
    error
      ? [[version, '', '', error, '']]
      : tests.map(({ threads, variant, error, cases, failures = [], kernels = [] }) => [
          version,
          variant,
          String(threads),
          error ?? (failures.length ? `${failures.length} of ${cases} products differ: ${failures[0]}` : `all ${cases} equal`),
          kernels.map(({ kernel, weightsPerSecond }) => `${kernel} ${short(weightsPerSecond / 1e9)}`).join(', '),
        ]),
  );
  const heads = ['browser', 'build', 'threads', 'products against the reference', 'matrix times vector, G weights/s'];
  return `Kernels alone:\n\n${table(heads, rows)}${decoding(engines)}`;
}

/** The whole model in other browsers. @param {EngineResult[]} engines */
function decoding(engines) {
  const rows = engines.flatMap(({ engine, version = engine, models = [] }) =>
    models.map(({ threads, variant = '', kernel = '', logitsHash = '', speeds = [], error }) => [
      version, variant, String(threads), kernel, error ?? cell(speeds), logitsHash,
    ]),
  );
  const heads = ['browser', 'build', 'threads', 'kernel', 'decode at 0, tok/s', 'logits hash'];
  return rows.length ? `\n\nThe model in other browsers:\n\n${table(heads, rows)}` : '';
}
