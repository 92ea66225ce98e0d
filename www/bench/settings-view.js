/** Draws the settings that were compared: a chart of both speeds with their spread, a table, and what they tell. */
import { byId, h } from '../app/dom.js';
import * as format from '../app/format.js';
import { figure as short } from '../app/format.js';
import { t } from '../app/texts.js';
import { drawInto, rangeChart } from './chart.js';
import { findings, shortNames } from './settings.js';
import { range } from './statistics-text.js';

/** @typedef {import('./settings.js').Settings} Settings */

/**
 * @param {Settings} settings
 * @param {Partial<import('./measure.js').Result>} result
 */
export function drawSettings(settings, { model, logitsHash, selfTest }) {
  const { rows, promptTokens, tokens } = settings;
  const names = shortNames(rows);
  for (const of of /** @type {const} */ (['decode', 'prefill'])) {
    const bars = rows.flatMap(({ asked, [of]: speed }, i) => (speed ? [{ name: names[i], ...speed, strong: asked.kernel === 'auto' }] : []));
    const label = `${t(`figure.${of === 'decode' ? 'decode' : 'prefillAlone'}`)}: ${bars.map(({ name, median }) => `${name} ${short(median)}`).join('; ')}`;
    const container = byId(`settings-${of}`);
    container.hidden = bars.length === 0;
    drawInto(container, (width) => rangeChart(width, bars, label));
  }
  const heads = /** @type {const} */ (['setting', 'decode', 'prefill', 'load', 'hash']);
  byId('settings-table').replaceChildren(
    h('thead', {}, h('tr', {}, ...heads.map((name) => h('th', { scope: 'col', class: isWide(name) ? 'wide-only' : '' }, t(`side.head.${name}`))))),
    h('tbody', {}, ...rows.map((row, i) => tableRow(row, names[i]))),
  );
  byId('settings-note').replaceChildren(
    ...findings(settings, { precision: model?.precision, logitsHash }, selfTest).map((sentence) => h('p', {}, sentence)),
    h('p', {}, t('side.how', { prompt: promptTokens, tokens })),
  );
  byId('settings-figure').hidden = rows.length === 0;
}

/** @param {string} head */
function isWide(head) {
  return head === 'load' || head === 'hash';
}

/**
 * @param {import('./settings.js').Setting} row
 * @param {string} name
 */
function tableRow({ error, decode, prefill, loadMs, logitsHash }, name) {
  const head = h('th', { scope: 'row' }, name);
  if (error) return h('tr', { 'data-testid': 'setting' }, head, h('td', { colspan: '4' }, t('kernels.notHere', { code: error })));
  const speed = (/** @type {import('./statistics.js').Spread | undefined} */ value) =>
    value ? h('td', {}, h('b', {}, short(value.median)), h('small', {}, range(value))) : h('td', {}, '–');
  return h(
    'tr',
    { 'data-testid': 'setting' },
    head,
    speed(decode),
    speed(prefill),
    h('td', { class: 'wide-only' }, loadMs === undefined ? '–' : format.duration(loadMs)),
    h('td', { class: 'wide-only hash' }, logitsHash?.slice(0, 8) ?? '–'),
  );
}
