// The page of what was measured so far, from benches/history.jsonl: a chart for each machine and model, and the same in a table.
import { parsed } from '../benches/history.mjs';
import { short } from '../benches/statistics.mjs';

/** @import { Figure, Line } from '../benches/history.mjs' */

/** The panels of a chart: a figure's name, and what it is called. */
const PANELS = [
  ['decode', 'decode'],
  ['decode 4000', 'decode at depth 4000'],
  ['prefill 128', 'prefill of 128 tokens'],
];

/** Sizes in the chart's own units. */
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [292, 240, 40, 76, 44, 40];

/** @param {string} text */
const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
/** @param {number} value */
const at = (value) => Number(value.toFixed(1));

/**
 * @template T
 * @param {readonly T[]} list
 * @param {(item: T) => string} key
 * @returns {T[][]} in the order in which the keys come
 */
function groups(list, key) {
  /** @type {Map<string, T[]>} */
  const found = new Map();
  for (const item of list) found.set(key(item), [...(found.get(key(item)) ?? []), item]);
  return [...found.values()];
}

/** The round number from which on an axis of at most four steps holds `most`. @param {number} most */
function step(most) {
  const power = 10 ** Math.floor(Math.log10(most / 4));
  return [1, 2, 5, 10].map((factor) => factor * power).find((size) => size * 4 >= most) ?? most;
}

/**
 * One figure over the runs of a machine: for each number of threads the medians, and the range from the least to the most.
 * @param {readonly Line[]} lines
 * @param {string} name of the figure
 * @param {string} title
 * @param {number} offset of the panel
 */
function panel(lines, name, title, offset) {
  const told = lines.filter(({ figures }) => figures[name]);
  if (told.length === 0) return '';
  const runs = groups(lines, ({ date, commit }) => `${date} ${commit}`).map(([{ date, commit }]) => ({ date, commit }));
  const most = Math.max(...told.map(({ figures }) => figures[name].most));
  const tick = step(most);
  const top = tick * Math.ceil(most / tick);
  const x = (/** @type {number} */ run) => at(LEFT + ((WIDTH - LEFT - RIGHT) * (run + 0.5)) / runs.length);
  const y = (/** @type {number} */ value) => at(HEIGHT - BOTTOM - ((HEIGHT - TOP - BOTTOM) * value) / top);
  const grid = Array.from({ length: Math.round(top / tick) + 1 }, (_, index) => index * tick).map(
    (value) => `<path class="grid" d="M${LEFT} ${y(value)}H${WIDTH - RIGHT}"/><text class="soft end" x="${LEFT - 6}" y="${y(value) + 4}">${short(value)}</text>`,
  );
  // Every run has its place; so many dates that they would touch are thinned out, the last one stays.
  const every = Math.ceil(runs.length / 2);
  const dates = runs.map(({ date }, run) => ((runs.length - 1 - run) % every ? '' : `<text class="soft middle" x="${x(run)}" y="${HEIGHT - BOTTOM + 20}">${date.slice(2)}</text>`));
  const series = groups(told, ({ threads }) => String(threads)).map((of, index) => {
    const points = of.map(({ date, commit, figures }) => ({
      x: x(runs.findIndex((run) => run.date === date && run.commit === commit)),
      ...figures[name],
    }));
    const trace = points.map((point, place) => `${place ? 'L' : 'M'}${point.x} ${y(point.median)}`).join('');
    const marks = points.map((point) => `<path d="M${point.x} ${y(point.least)}V${y(point.most)}"/><circle cx="${point.x}" cy="${y(point.median)}" r="4"/>`);
    const last = /** @type {Figure & { x: number }} */ (points.at(-1));
    const { threads } = of[0];
    const label = `<text x="${WIDTH - RIGHT + 4}" y="${y(last.median) + 4}">${short(last.median)}<tspan class="soft" x="${WIDTH - RIGHT + 4}" dy="14">${threads} ${threads === 1 ? 'thread' : 'threads'}</tspan></text>`;
    return `<g class="series-${index % 3}"><path class="trace" d="${trace}"/>${marks.join('')}${label}</g>`;
  });
  return `<g transform="translate(${offset} 0)"><text class="head" x="${LEFT - 30}" y="20">${escaped(title)}</text>${grid.join('')}${dates.join('')}${series.join('')}</g>`;
}

/**
 * The chart of one machine and model.
 * @param {readonly Line[]} lines in the order in which they were measured
 * @returns {string} an SVG file for light and dark pages
 */
export function chart(lines) {
  const shown = PANELS.filter(([name]) => lines.some(({ figures }) => figures[name]));
  const panels = shown.map(([name, title], index) => panel(lines, name, title, index * WIDTH));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${Math.max(shown.length, 1) * WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(altOf(lines))}">
<style>
svg { --ink: #16201d; --soft: #55625d; --line: #d9dfd9; --a: #0b5d4a; --b: #a4571b; --c: #4a5fb0; font: 13px system-ui, sans-serif; }
@media (prefers-color-scheme: dark) { svg { --ink: #e7ece9; --soft: #a3b0aa; --line: #2b3431; --a: #6fd6b5; --b: #efa56a; --c: #a5b4f3; } }
text { fill: var(--ink); } .soft { fill: var(--soft); font-size: 12px; } .head { font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
path { fill: none; stroke-width: 2; } .grid { stroke: var(--line); stroke-width: 1; } .trace { stroke-linejoin: round; }
.series-0 path { stroke: var(--a); } .series-0 circle { fill: var(--a); } .series-1 path { stroke: var(--b); } .series-1 circle { fill: var(--b); } .series-2 path { stroke: var(--c); } .series-2 circle { fill: var(--c); }
</style>
${panels.join('\n')}
</svg>
`;
}

/** @param {readonly Line[]} lines */
function altOf(lines) {
  const { machine, model } = lines[0];
  const runs = groups(lines, ({ date, commit }) => `${date} ${commit}`).length;
  return `Tokens per second of ${model} on ${machine}, ${runs} ${runs === 1 ? 'run' : 'runs'}: the numbers are in the table below`;
}

/** @param {string} text for a cell of a table */
const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
/** @param {Figure | undefined} figure */
const range = (figure) => (figure ? `${short(figure.median)} (${short(figure.least)}-${short(figure.most)})` : '–');

/** @param {readonly Line[]} lines */
function tableOf(lines) {
  const heads = ['date', 'commit', 'browser', 'threads', 'kernel', ...PANELS.map(([, title]) => title), 'processor seconds a token', 'logits hash'];
  const rows = lines.map(({ date, commit, browser, threads, kernel, logitsHash, figures }) => [
    date, commit, browser, String(threads), kernel, ...PANELS.map(([name]) => range(figures[name])), range(figures['processor seconds']), logitsHash,
  ]);
  return [heads, heads.map(() => '---'), ...rows].map((cells) => `| ${cells.map(cell).join(' | ')} |`).join('\n');
}

/**
 * The page and its charts.
 * @param {string} history benches/history.jsonl
 * @returns {{ page: string, charts: { name: string, svg: string }[] }}
 */
export function historyPage(history) {
  const machines = groups(parsed(history), ({ machine, model, precision }) => `${machine}\n${model}\n${precision}`);
  const charts = machines.map((lines, index) => ({ name: `history-${index + 1}.svg`, svg: chart(lines) }));
  const sections = machines.map((lines, index) => {
    const { machine, model, precision, bytes } = lines[0];
    const size = bytes ? `, ${(bytes / 1e9).toFixed(2)} GB` : '';
    return `## ${model} on ${machine}\n\nPrecision ${precision}${size}.\n\n![${cell(altOf(lines))}](${charts[index].name})\n\n${tableOf(lines)}\n`;
  });
  const text =
    'What `cargo xtask bench` has measured, in the order in which it was. A dot is the median of a run\'s rounds, the line through it reaches from the ' +
    'least to the most; speeds are in tokens per second. Machines are shared with other programs, so that only what lies outside of both ranges is a change.';
  return { page: `---\ntitle: History\ngroup: Reference\n---\n# History\n\n${text}\n\n${sections.join('\n')}`, charts };
}
