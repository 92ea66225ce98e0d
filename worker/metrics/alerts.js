// Thresholds of metrics: an alert is raised once, and cleared once the number is back by a margin.
import { invalidOption } from '../error.js';

/** @import { MetricsSnapshot } from './snapshot.js' */

/**
 * A number of {@link MetricsSnapshot}, with dots: `share.failed`, `latency.firstToken.p90`.
 * @typedef {{
 *   [A in keyof MetricsSnapshot]: MetricsSnapshot[A] extends number ? A : {
 *     [B in keyof MetricsSnapshot[A] & string]: MetricsSnapshot[A][B] extends number ? `${A}.${B}` : {
 *       [C in keyof MetricsSnapshot[A][B] & string]: `${A}.${B}.${C}`
 *     }[keyof MetricsSnapshot[A][B] & string]
 *   }[keyof MetricsSnapshot[A] & string]
 * }[keyof MetricsSnapshot]} MetricName
 */

/**
 * When an alert is raised: where a number is greater than `above`, or less than `below`.
 * @typedef {object} AlertRule
 * @property {string | undefined} [name] for who reads it; the metric's by default
 * @property {MetricName} metric
 * @property {number | undefined} [above]
 * @property {number | undefined} [below] it is looked at only where a request was under way: an idle model is not slow
 * @property {number | undefined} [clear] what the number has to come back to, so that an alert does not come and go with every snapshot; a
 *   tenth inside of the threshold by default
 * @property {number | undefined} [after] snapshots in a row that have to be beyond the threshold; 1 by default
 */

/**
 * A number has passed its threshold, or is back.
 * @typedef {object} Alert
 * @property {'raised' | 'cleared'} state
 * @property {string} name of the rule
 * @property {AlertRule} rule
 * @property {number} value of the metric
 * @property {MetricsSnapshot} snapshot
 */

/** What is watched where nobody says it. @type {readonly AlertRule[]} */
const DEFAULT_RULES = [
  { name: 'slow first token', metric: 'latency.firstToken.p90', above: 10_000 },
  { name: 'failures', metric: 'share.failed', above: 0.1 },
  { name: 'long queue', metric: 'requests.queued', above: 16 },
];

/** Watches snapshots by some rules. */
export class Alerts {
  /** @type {{ rule: AlertRule, isRaised: boolean, beyond: number }[]} */
  #rules;

  /** @param {readonly AlertRule[]} [rules] already checked */
  constructor(rules = DEFAULT_RULES) {
    this.#rules = rules.map((rule) => ({ rule: { ...rule }, isRaised: false, beyond: 0 }));
  }

  /**
   * The alerts that a snapshot raises and clears.
   * @param {MetricsSnapshot} snapshot
   * @returns {Alert[]}
   */
  look(snapshot) {
    /** @type {Alert[]} */
    const alerts = [];
    for (const watched of this.#rules) {
      const { rule } = watched;
      const value = numberIn(snapshot, rule.metric) ?? 0;
      const { above, below, after = 1, name = rule.metric } = rule;
      if (below !== undefined && !wasBusy(snapshot)) continue;
      watched.beyond = isBeyond(value, above, below) ? watched.beyond + 1 : 0;
      const changes = watched.isRaised ? !isBeyond(value, ...margin(rule)) : watched.beyond >= after;
      if (!changes) continue;
      watched.isRaised = !watched.isRaised;
      alerts.push({ state: watched.isRaised ? 'raised' : 'cleared', name, rule, value, snapshot });
    }
    return alerts;
  }
}

/**
 * @param {number} value
 * @param {number | undefined} above
 * @param {number | undefined} below
 */
function isBeyond(value, above = Infinity, below = -Infinity) {
  return value > above || value < below;
}

/**
 * Between what a raised alert stays raised.
 * @param {AlertRule} rule
 * @returns {[above: number | undefined, below: number | undefined]}
 */
function margin({ above, below, clear }) {
  if (above !== undefined) return [clear ?? above - Math.abs(above) / 10, undefined];
  return [undefined, clear ?? Number(below) + Math.abs(Number(below)) / 10];
}

/** @param {MetricsSnapshot} snapshot */
function wasBusy({ requests, perSecond }) {
  return requests.active > 0 || perSecond.completionTokens > 0 || perSecond.promptTokens > 0;
}

/**
 * @param {object} snapshot
 * @param {string} metric
 * @returns {number | undefined}
 */
function numberIn(snapshot, metric) {
  /** @type {any} */
  let value = snapshot;
  for (const name of metric.split('.')) value = Object.hasOwn(Object(value), name) ? value[name] : undefined;
  return typeof value === 'number' ? value : undefined;
}

/**
 * @param {unknown} rules
 * @param {MetricsSnapshot} example a snapshot of the model
 * @returns {readonly AlertRule[] | undefined}
 */
export function checkRules(rules, example) {
  if (rules === undefined) return undefined;
  if (!Array.isArray(rules)) throw invalidOption('rules', 'an array of { metric, above } or { metric, below }', rules);
  rules.forEach((rule, index) => {
    const option = `rules[${index}]`;
    if (typeof rule !== 'object' || rule === null) throw invalidOption(option, 'an object', rule);
    const isCode = /^requests\.failures\.\w+$/.test(rule.metric);
    if (typeof rule.metric !== 'string' || (!isCode && numberIn(example, rule.metric) === undefined)) {
      throw invalidOption(`${option}.metric`, "the name of a number of the metrics, such as 'latency.firstToken.p90'", rule.metric);
    }
    const { above, below, clear, after } = rule;
    const bounds = [above, below].filter((bound) => bound !== undefined);
    if (bounds.length !== 1 || !Number.isFinite(bounds[0])) throw invalidOption(option, 'a number as above or as below, not both', rule);
    const isInside = clear === undefined || (Number.isFinite(clear) && (above === undefined ? clear >= below : clear <= above));
    if (!isInside) throw invalidOption(`${option}.clear`, 'a number on the near side of the threshold', clear);
    if (after !== undefined && !(Number.isInteger(after) && after > 0)) throw invalidOption(`${option}.after`, 'a whole number of 1 or more', after);
  });
  return rules;
}
