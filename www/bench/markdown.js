/** A result as tables in Markdown. */
import { figure as short } from '../app/format.js';
import { t } from '../app/texts.js';
import { shortNames } from './settings.js';
import { range } from './statistics-text.js';

/** @typedef {import('./statistics.js').Spread} Spread */

/**
 * @param {Partial<import('./measure.js').Result>} result
 * @param {string} name of the model
 */
export function toMarkdown({ model, decode, prompts, machine, settings, peer }, name) {
  const tables = [
    table(['', ''], [
      [t('compare.model'), `${name}${model ? `, ${model.quantization}` : ''}`],
      [t('table.kernel'), model ? `${model.kernel} (${model.variant}), ${model.threads}` : ''],
      [`${t('figure.decode')}, tok/s`, decode ? speed(decode.spread) : ''],
      ...(prompts ?? []).map((p) => [`${t('figure.prefill', { count: p.tokens })}, tok/s`, speed(p.prefillPerSecond)]),
      [t('table.memory'), machine ? short(machine.readPerSecond / 1e9) : ''],
    ]),
  ];
  if (settings?.rows.length) {
    const names = shortNames(settings.rows);
    const heads = [t('side.head.setting'), `${t('figure.decode')}, tok/s`, `${t('figure.prefillAlone')}, tok/s`, t('lanes.hash')];
    tables.push(table(heads, settings.rows.map((row, i) => [names[i], row.error ?? speed(row.decode), speed(row.prefill), row.logitsHash ?? ''])));
  }
  if (peer?.theirs && peer.ours && peer.ratios) {
    const { ours, theirs, ratios } = peer;
    const row = (/** @type {string} */ what, /** @type {'decode' | 'prefill'} */ of) => [`${what}, tok/s`, speed(ours[of]), speed(theirs[of]), t('peer.times', { times: short(ratios[of].median) })];
    tables.push(table(['', 'bitnet-web', `wllama ${peer.version}`, t('peer.ratio')], [row(t('figure.decode'), 'decode'), row(t('figure.prefillAlone'), 'prefill')]));
  }
  return tables.join('\n');
}

/** @param {Spread | undefined} value */
function speed(value) {
  return value ? `${short(value.median)} (${range(value)})` : '';
}

/**
 * @param {string[]} heads
 * @param {string[][]} rows
 */
function table(heads, rows) {
  const line = (/** @type {string[]} */ cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|').replaceAll('\n', ' ')).join(' | ')} |`;
  return `${[line(heads), `|${'---|'.repeat(heads.length)}`, ...rows.map(line)].join('\n')}\n`;
}
