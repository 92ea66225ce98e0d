/** The sentences that answer how fast a browser is, and why. */
import * as format from '../app/format.js';
import { figure as short } from '../app/format.js';
import { t } from '../app/texts.js';

/** Weights below this stay in a processor's cache, bytes; memory is no limit then. */
const CACHE = 32e6;
/** From this share of what memory gives on, it is what holds writing up: the rest goes to the gaps between products. */
const MEMORY_BOUND = 0.65;
/** Above this share of it, a part of the weights must have come from somewhere else. The measurement of memory is not exact. */
const BEYOND_MEMORY = 1.1;
/** From this share of a token's time on, waiting for each other is worth telling. */
const MUCH_WAITING = 0.2;

/** @typedef {[key: string, values?: Record<string, string | number>]} Reason a text of the page, and what stands in it */

/**
 * How fast it is, and why.
 * @param {Partial<import('./measure.js').Result>} result
 */
export function answerOf(result) {
  return reasons(result).map(([key, values]) => t(key, values)).join(' ');
}

/**
 * @param {Partial<import('./measure.js').Result>} result
 * @returns {Reason[]} empty where nothing was written
 */
export function reasons(result) {
  const { decode, machine, model } = result;
  if (!decode || !model) return [];
  const parts = sharesOf(result.parts);
  return [
    ['answer.speed', { rate: short(decode.tokensPerSecond), n: model.threads }],
    ...(machine ? memoryReasons(decode.tokensPerSecond, machine, model, parts) : []),
    ...partReasons(parts),
    ...threadReasons(result),
  ];
}

/**
 * @param {Record<string, number> | null | undefined} parts milliseconds
 * @returns {{ largest: string, share: number, waiting: number } | null}
 */
function sharesOf(parts) {
  const sorted = Object.entries(parts ?? {}).sort(([, a], [, b]) => b - a);
  const whole = sorted.reduce((sum, [, ms]) => sum + ms, 0);
  if (!(whole > 0)) return null;
  return { largest: sorted[0][0], share: sorted[0][1] / whole, waiting: (parts?.barriers ?? 0) / whole };
}

/**
 * @param {number} speed tokens per second
 * @param {import('./measure.js').Result['machine']} machine
 * @param {import('../app/api.js').ModelInfo} model
 * @param {ReturnType<typeof sharesOf>} parts
 * @returns {Reason[]}
 */
function memoryReasons(speed, machine, model, parts) {
  if (model.weightBytes < CACHE) return [['answer.cache', { size: format.bytes(model.weightBytes) }]];
  // Results of earlier versions do not tell what a token reads.
  const tokenBytes = machine.tokenBytes || model.weightBytes;
  const most = machine.readPerSecond / tokenBytes;
  const share = speed / most;
  const values = { read: short(machine.readPerSecond / 1e9), size: format.bytes(tokenBytes), most: short(most), percent: Math.round(100 * share) };
  if (share > BEYOND_MEMORY) return [['answer.beyond', values]];
  if (share >= MEMORY_BOUND) return [['answer.memory', values], ['answer.memoryBound']];
  const isArithmetic = parts !== null && (parts.largest === 'ternary' || parts.largest === 'head') && parts.waiting < MUCH_WAITING;
  return [['answer.memory', values], [isArithmetic ? 'answer.computeBound' : 'answer.notMemory']];
}

/**
 * @param {ReturnType<typeof sharesOf>} parts
 * @returns {Reason[]}
 */
function partReasons(parts) {
  if (parts === null) return [];
  /** @type {Reason} */
  const where = ['answer.where', { part: t(`answer.part.${parts.largest}`), percent: Math.round(100 * parts.share) }];
  if (parts.largest === 'barriers' || parts.waiting < MUCH_WAITING) return [where];
  return [where, ['answer.waiting', { percent: Math.round(100 * parts.waiting) }]];
}

/**
 * @param {Partial<import('./measure.js').Result>} result
 * @returns {Reason[]}
 */
function threadReasons({ model, device }) {
  if (!model) return [];
  if (!model.isolated) return [['answer.notIsolated']];
  // Results of earlier versions do not tell of the processor.
  if (!device || model.threads >= device.cores) return [];
  const values = { n: model.threads, cores: device.cores };
  return [[device.threadsAsked === null ? 'answer.threadsFound' : 'answer.threadsFew', values]];
}
