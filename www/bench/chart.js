/** Small charts in SVG, drawn for the width they get. Colours come from the style sheet, by class. */

import { inLanguage } from '../app/format.js';

const SVG = 'http://www.w3.org/2000/svg';

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

/**
 * Draws into `container` now and whenever its width changes, so that letters keep their size on a narrow screen.
 * @param {HTMLElement} container
 * @param {(width: number) => SVGElement} draw
 */
export function drawInto(container, draw) {
  observed.get(container)?.disconnect();
  let drawn = 0;
  const observer = new ResizeObserver(() => {
    const width = Math.round(container.clientWidth);
    if (width === 0 || width === drawn) return;
    drawn = width;
    container.replaceChildren(draw(width));
  });
  observer.observe(container);
  observed.set(container, observer);
}

/** @type {WeakMap<HTMLElement, ResizeObserver>} */
const observed = new WeakMap();

/**
 * @param {number} width
 * @param {number} height
 * @param {string} label read out instead of the picture
 * @param {...Node} children
 */
function picture(width, height, label, ...children) {
  return /** @type {SVGElement} */ (
    s('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label }, ...children)
  );
}

/**
 * A round number at or above `value`, for the end of an axis.
 * @param {number} value
 */
export function niceEnd(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 1.5, 2, 3, 4, 5, 6, 8, 10].find((n) => n * power >= value) ?? 10;
  return step * power;
}

/** @param {number} seconds in a unit that leaves digits to read */
function secondsText(seconds) {
  return seconds < 1 ? `${inLanguage(Number((seconds * 1000).toPrecision(3)))} ms` : `${inLanguage(seconds.toFixed(1))} s`;
}

/**
 * Tokens per second over seconds.
 * @param {number} width
 * @param {{ seconds: number, tokensPerSecond: number }[]} points at least two
 * @returns {SVGElement}
 */
export function lineChart(width, points) {
  const height = 220;
  const box = { left: 44, right: width - 8, top: 10, bottom: height - 26 };
  const endX = points[points.length - 1].seconds;
  const endY = niceEnd(Math.max(...points.map((p) => p.tokensPerSecond)));
  const x = (/** @type {number} */ value) => box.left + ((box.right - box.left) * value) / endX;
  const y = (/** @type {number} */ value) => box.bottom - ((box.bottom - box.top) * value) / endY;

  const marks = [0, 0.5, 1].flatMap((share) => [
    s('line', { class: 'grid', x1: box.left, x2: box.right, y1: y(endY * share), y2: y(endY * share) }),
    s(
      'text',
      { x: box.left - 8, y: y(endY * share) + 4, 'text-anchor': 'end' },
      inLanguage(Number((endY * share).toPrecision(3))),
    ),
  ]);
  const line = points.map((p) => `${x(p.seconds).toFixed(1)},${y(p.tokensPerSecond).toFixed(1)}`);
  const first = x(points[0].seconds).toFixed(1);
  return picture(
    width,
    height,
    `Speed over ${secondsText(endX)}, up to ${Math.round(Math.max(...points.map((p) => p.tokensPerSecond)))} tokens per second.`,
    ...marks,
    s('text', { x: box.left, y: height - 6 }, endX < 1 ? '0 ms' : '0 s'),
    s('text', { x: box.right, y: height - 6, 'text-anchor': 'end' }, secondsText(endX)),
    s('polygon', { class: 'area', points: `${first},${box.bottom} ${line.join(' ')} ${box.right},${box.bottom}` }),
    s('polyline', { class: 'trace', points: line.join(' ') }),
  );
}

/**
 * A small curve without axes, whose newest value is at the right.
 * @param {number} width
 * @param {readonly number[]} values
 * @param {number} most values that the width holds
 * @param {string} label
 * @returns {SVGElement}
 */
export function sparkline(width, values, most, label) {
  const height = 48;
  const end = Math.max(...values) || 1;
  const step = width / (most - 1);
  const first = width - (values.length - 1) * step;
  const points = values.map((value, i) => `${(first + i * step).toFixed(1)},${(height - 1 - ((height - 4) * value) / end).toFixed(1)}`);
  return picture(
    width,
    height,
    label,
    s('line', { class: 'grid', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    s('polygon', { class: 'area', points: `${first.toFixed(1)},${height} ${points.join(' ')} ${width},${height}` }),
    s('polyline', { class: 'trace', points: points.join(' ') }),
  );
}

/**
 * One bar for each row, with its name before and its value behind.
 * @param {number} width
 * @param {{ name: string, value: number | null, text: string, strong: boolean }[]} rows
 * @param {string} label
 * @returns {SVGElement}
 */
export function barChart(width, rows, label) {
  const rowHeight = 34;
  const left = 76;
  const right = width - 168;
  const most = Math.max(...rows.map((row) => row.value ?? 0)) || 1;
  const bars = rows.flatMap(({ name, value, text, strong }, i) => {
    const top = i * rowHeight;
    const length = value === null ? 0 : Math.max(2, ((right - left) * value) / most);
    return [
      s('text', { x: 0, y: top + 21, class: strong ? 'strong' : '' }, name),
      s('rect', {
        class: strong ? 'bar-fill' : 'bar-fill other',
        x: left,
        y: top + 7,
        width: length,
        height: 20,
        rx: 4,
      }),
      s('text', { x: left + length + 10, y: top + 21 }, text),
    ];
  });
  return picture(width, rows.length * rowHeight, label, ...bars);
}

/**
 * A bar for each row with the range of its values over it, its name and its value above it, so that a narrow screen suffices.
 * @param {number} width
 * @param {{ name: string, median: number, min: number, max: number, strong: boolean }[]} rows
 * @param {string} label
 * @returns {SVGElement}
 */
export function rangeChart(width, rows, label) {
  const rowHeight = 38;
  const most = Math.max(...rows.map(({ max }) => max)) || 1;
  const x = (/** @type {number} */ value) => 1 + ((width - 2) * value) / most;
  const bars = rows.flatMap(({ name, median, min, max, strong }, i) => {
    const top = i * rowHeight;
    const middle = top + 25;
    // Light over the bar, dark beside it.
    const range = min < max ? [
      s('line', { class: 'range over', x1: x(min), x2: x(median), y1: middle, y2: middle }),
      s('line', { class: 'range over', x1: x(min), x2: x(min), y1: middle - 4, y2: middle + 4 }),
      s('line', { class: 'range', x1: x(median), x2: x(max), y1: middle, y2: middle }),
      s('line', { class: 'range', x1: x(max), x2: x(max), y1: middle - 4, y2: middle + 4 }),
    ] : [];
    return [
      s('text', { x: 0, y: top + 13, class: strong ? 'strong' : '' }, name),
      s('text', { x: width, y: top + 13, class: strong ? 'strong' : '', 'text-anchor': 'end' }, inLanguage(Number(median.toPrecision(3)))),
      s('rect', { class: strong ? 'bar-fill' : 'bar-fill other', x: 0, y: top + 19, width: Math.max(2, x(median)), height: 12, rx: 3 }),
      ...range,
    ];
  });
  return picture(width, rows.length * rowHeight, label, ...bars);
}

/** Pixels of a legend's square with the gap behind it, and of a letter at most, on average. */
const LEGEND_MARK = 20;
const LEGEND_LETTER = 7.5;

/**
 * The parts of a whole, in one bar, with a legend below.
 * @param {number} width
 * @param {{ name: string, value: number, text: string }[]} parts the largest first
 * @param {string} label
 * @returns {SVGElement}
 */
export function partsChart(width, parts, label) {
  const whole = parts.reduce((sum, part) => sum + part.value, 0) || 1;
  const longest = Math.max(...parts.map(({ name, text }) => `${name}, ${text}`.length));
  const perRow = Math.max(1, Math.min(3, Math.floor(width / (LEGEND_MARK + longest * LEGEND_LETTER))));
  let left = 0;
  const pieces = parts.flatMap(({ name, value, text }, i) => {
    const length = (width * value) / whole;
    const colour = `part-${Math.min(i, 6)}`;
    const column = ((i % perRow) * width) / perRow;
    const row = 62 + Math.floor(i / perRow) * 24;
    const piece = [
      s('rect', { class: colour, x: left, y: 0, width: Math.max(0, length - 1.5), height: 34, rx: 3 }),
      s('rect', { class: colour, x: column, y: row - 10, width: 12, height: 12, rx: 3 }),
      s('text', { x: column + LEGEND_MARK, y: row }, `${name}, ${text}`),
    ];
    left += length;
    return piece;
  });
  return picture(width, 74 + Math.floor((parts.length - 1) / perRow) * 24, label, ...pieces);
}
