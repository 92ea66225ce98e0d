// Few noisy numbers, told honestly: the middle one, and the ends.

/** @typedef {{ median: number, min: number, max: number }} Spread */

/**
 * @param {number[]} samples
 * @returns {Spread | undefined} undefined without samples
 */
export function spread(samples) {
  if (samples.length === 0) return undefined;
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  return { median, min: sorted[0], max: sorted[sorted.length - 1] };
}

/** Three significant digits. @param {number} [value] */
export function short(value) {
  if (value === undefined) return '–';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

/** `median (least-most)`. @param {number[]} samples */
export function cell(samples) {
  const found = spread(samples.filter((value) => Number.isFinite(value)));
  if (found === undefined) return '–';
  const { median, min, max } = found;
  return samples.length === 1 ? short(median) : `${short(median)} (${short(min)}-${short(max)})`;
}

/**
 * @param {string[]} heads
 * @param {string[][]} rows
 * @returns {string} in Markdown
 */
export function table(heads, rows) {
  return [heads, heads.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
