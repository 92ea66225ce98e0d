// What a model tells of itself while it runs: counts, percentiles, alerts, history, the browser's timeline; and its health.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MODEL, pageTest } from './api-pages.mjs';
import { Alerts, checkRules } from '../../worker/metrics/alerts.js';
import { Histogram } from '../../worker/metrics/histogram.js';
import { RequestRecord } from '../../worker/metrics/metrics.js';
import { Counters, snapshotOf } from '../../worker/metrics/snapshot.js';

/** @import { MetricsSnapshot } from '../../worker/metrics/snapshot.js' */

const NO_STATS = { kvBlocks: 0, kvMostBlocks: 0, kvBlockTokens: 0, kvBlockBytes: 0, keptTexts: 0, weightBytesRead: 0, memoryBytes: 0 };

/** @param {number} [queued] @param {number} [active] @returns {MetricsSnapshot} */
function snapshot(queued = 0, active = 0) {
  const counters = new Counters();
  return snapshotOf(counters, counters, { active, queued }, NO_STATS, /** @type {any} */ ({ weightBytes: 1 }));
}

test('percentiles are within 2.5% of those of the sorted durations, and windows are differences', () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1e9);
  console.log(`SEED=${seed}`);
  let state = seed | 1;
  const random = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const histogram = new Histogram();
  for (let i = 0; i < 500; i++) histogram.add(random() * 1e5);
  const before = histogram.copy();
  const values = Array.from({ length: 2000 }, () => 10 ** (random() * 8 - 2));
  for (const value of values) histogram.add(value);
  const got = histogram.since(before).percentiles();
  assert.deepEqual(before.percentiles().count, 500);
  assert.equal(got.count, values.length);
  values.sort((a, b) => a - b);
  for (const [name, share] of /** @type {const} */ ([['p50', 0.5], ['p90', 0.9], ['p99', 0.99]])) {
    const want = values[Math.ceil(share * values.length) - 1];
    assert.ok(Math.abs(got[name] / want - 1) < 0.026, `${name}: ${got[name]} for ${want}`);
  }
  assert.deepEqual(new Histogram().percentiles(), { count: 0, p50: 0, p90: 0, p99: 0 });
  const one = new Histogram();
  for (const value of [0, -1, 7]) one.add(value);
  assert.equal(one.percentiles().p50, 0);
  assert.ok(Math.abs(one.percentiles().p99 / 7 - 1) < 0.026);
});

test('an alert is raised once, and cleared only once the number is back by its margin', () => {
  const states = (/** @type {Alerts} */ alerts, /** @type {number[]} */ values, active = 0) =>
    values.map((value) => alerts.look(snapshot(value, active)).map(({ state }) => state).join());
  assert.deepEqual(states(new Alerts([{ metric: 'requests.queued', above: 10 }]), [10, 11, 12, 10, 9.5, 9, 12, 0]),
    ['', 'raised', '', '', '', 'cleared', 'raised', 'cleared']);
  assert.deepEqual(states(new Alerts([{ metric: 'requests.queued', above: 10, clear: 2, after: 3 }]), [11, 11, 1, 11, 11, 11, 3, 2]),
    ['', '', '', '', '', 'raised', '', 'cleared']);
  assert.deepEqual(states(new Alerts([{ metric: 'requests.queued', below: 10 }]), [10, 9, 10.5, 11, 9], 1), ['', 'raised', '', 'cleared', 'raised']);
  // Nothing is slow where nothing is asked for.
  assert.deepEqual(states(new Alerts([{ metric: 'requests.queued', below: 10 }]), [9, 9]), ['', '']);
  const [alert] = new Alerts([{ name: 'long', metric: 'requests.queued', above: 1 }]).look(snapshot(5));
  assert.deepEqual([alert.name, alert.value, alert.snapshot.requests.queued], ['long', 5, 5]);
  assert.deepEqual(new Alerts().look(snapshot(17)).map(({ name }) => name), ['long queue']);
});

test('tokens that come together are counted as written one after the other', (t) => {
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const counters = new Counters();
  const record = new RequestRecord(counters);
  const hear = (/** @type {number} */ tokens) => {
    for (let place = 0; place < tokens; place++) record.hear({ type: 'token', id: 1, token: { id: 5, text: 'x' }, turn: { place, tokens } });
  };
  now = 1100;
  hear(1);
  now = 1108;
  hear(4); // 2 ms each
  now = 1117;
  hear(3); // 3 ms each
  const { firstToken, nextToken } = counters.latency;
  assert.equal(firstToken.count, 1);
  const { count, p50, p99 } = nextToken.percentiles();
  assert.equal(count, 7);
  assert.ok(Math.abs(p50 - 2) < 0.06 && Math.abs(p99 - 3) < 0.08, `${p50} ${p99}`);
});

test('a rule that cannot be meant is refused', () => {
  /** @type {any[]} */
  const wrong = [
    'x', [1], [{}], [{ metric: 'requests.none', above: 1 }], [{ metric: 'requests', above: 1 }], [{ metric: 'requests.queued' }],
    [{ metric: 'requests.queued', above: 1, below: 1 }], [{ metric: 'requests.queued', above: NaN }],
    [{ metric: 'requests.queued', above: 1, clear: 2 }], [{ metric: 'requests.queued', below: 1, clear: 0 }],
    [{ metric: 'requests.queued', above: 1, after: 0 }], [{ metric: 'constructor.length', above: 1 }],
  ];
  for (const rules of wrong) assert.throws(() => checkRules(rules, snapshot()), { code: 'invalid_argument' }, JSON.stringify(rules));
  assert.equal(checkRules(undefined, snapshot()), undefined);
  checkRules([{ metric: 'requests.failures.queue_full', above: 0 }, { metric: 'latency.nextToken.p99', below: 1, clear: 1 }], snapshot());
});

pageTest('requests, tokens, latencies, memory and keys and values are counted', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2, maxConcurrent: 1, metrics: { interval: 100, timeline: true } });
    const fresh = await model.metrics();
    const options = { maxTokens: 40, temperature: 0 };
    // Three at once where there is room for one.
    /** @type {Promise<import('../../worker/types.js').MetricsSnapshot>[]} */
    const meanwhile = [];
    const first = (async () => {
      let tokens = 0;
      // Long enough that others wait when the engine tells what it has: several short tokens come at once.
      const stream = model.generate('a text that repeats a text that repeats', { ...options, maxTokens: 400 });
      for await (const token of stream) {
        if (meanwhile.length === 0) meanwhile.push(model.metrics());
        tokens += token.id >= 0 ? 1 : 0;
      }
      return { usage: /** @type {any} */ (stream.result).usage, tokens };
    })();
    const others = await Promise.all([model.complete('two', options), model.complete('three and more', options)]);
    const usages = [(await first).usage, ...others.map(({ usage }) => usage), (await model.complete('two', options)).usage];
    // One that fails, one that is left, one that is aborted before it begins, one whose options are wrong and which is none.
    const failed = await model.complete('x '.repeat(4000), options).catch(({ code }) => code);
    for await (const _ of model.generate('left', options)) break;
    await model.complete('never', { signal: AbortSignal.abort('no') }).catch(() => {});
    try {
      model.generate('wrong', { temperature: -1 });
    } catch {
      // told at once
    }
    const now = await model.metrics();
    const [busy] = await Promise.all(meanwhile);
    const measures = /** @type {PerformanceMeasure[]} */ (performance.getEntriesByType('measure')).filter(({ name }) => name.startsWith('bitnet-web '));
    const timeline = measures.map(({ name, detail }) => [name, detail.outcome]);
    for (let i = 0; i < 105; i++) await model.complete('a', { maxTokens: 1 });
    const kept = performance.getEntriesByType('measure').filter(({ name }) => name.startsWith('bitnet-web ')).length;
    await model.unload();
    const gone = await model.metrics().catch(({ code }) => code);
    return { fresh, busy, now, usages, failed, timeline, kept, gone, history: model.metricsHistory() };
  }, MODEL);
  const sum = (/** @type {'promptTokens' | 'cachedTokens' | 'completionTokens'} */ name) => got.usages.reduce((sum, usage) => sum + usage[name], 0);
  assert.deepEqual({ ...got.fresh.requests }, { active: 0, queued: 0, done: 0, fromCache: 0, failed: 0, aborted: 0, failures: {} });
  assert.equal(got.fresh.perSecond.weightBytes, 0);
  assert.deepEqual([got.busy.requests.active, got.busy.requests.queued], [1, 2]);
  assert.equal(got.failed, 'context_overflow');
  assert.deepEqual(got.now.requests, { active: 0, queued: 0, done: 4, fromCache: 0, failed: 1, aborted: 2, failures: { context_overflow: 1 } });
  const { tokens, latency, perSecond, share, kv, memory, seconds } = got.now;
  // The request that was left has read its prompt and written a token or some.
  assert.ok(tokens.completion > sum('completionTokens') && tokens.prompt > sum('promptTokens'), JSON.stringify(got));
  assert.ok(tokens.cached >= sum('cachedTokens') && sum('cachedTokens') > 0);
  assert.deepEqual([latency.total.count, latency.firstToken.count, latency.queue.count], [4, 5, 5]);
  assert.equal(latency.nextToken.count, tokens.completion - 5);
  for (const { p50, p90, p99 } of Object.values(latency)) assert.ok(p50 <= p90 && p90 <= p99);
  assert.ok(Math.abs(perSecond.completionTokens * seconds - tokens.completion) < 1e-6);
  assert.ok(Math.abs(perSecond.promptTokens * seconds - (tokens.prompt - tokens.cached)) < 1e-6);
  assert.ok(perSecond.weightBytes * seconds > tokens.completion * memory.weights / 10);
  assert.equal(share.failed, 1 / 5);
  assert.ok(kv.keptTexts > 0 && kv.blocks > 0 && kv.blocks <= kv.mostBlocks && share.kv === kv.blocks / kv.mostBlocks);
  assert.ok(memory.wasm > memory.weights + memory.kv && memory.kv > 0);

  const outcomes = new Map(got.timeline.map(([name, outcome]) => [name, outcome]));
  for (const part of ['queue', 'prefill', 'decode']) assert.equal(outcomes.get(`bitnet-web ${part} #1`), 'done');
  assert.deepEqual([outcomes.get('bitnet-web queue #5'), outcomes.has('bitnet-web decode #5'), outcomes.get('bitnet-web queue #6')], ['failed', false, 'aborted']);
  assert.ok(got.kept <= 300 && got.kept >= 290, `${got.kept}`);
  assert.equal(got.gone, 'unloaded');
  assert.deepEqual(JSON.parse(JSON.stringify(got.history)).snapshots, got.history.snapshots);
  assert.deepEqual([got.history.version, got.history.interval, got.history.model.architecture], [1, 100, 'bitnet-b1.58']);
});

pageTest('snapshots and alerts come at an interval until they are no longer wanted, and the history is bounded', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 1, maxConcurrent: 1, metrics: { interval: 100, history: 300 } });
    /** @type {string[]} */
    const alerts = [];
    let cleared = () => {};
    const isCleared = new Promise((resolve) => (cleared = () => resolve(undefined)));
    const rules = /** @type {const} */ ([
      { name: 'failures', metric: 'requests.failures.context_overflow', above: 0 },
      { name: 'queue', metric: 'requests.queued', above: 1, clear: 1 },
    ]);
    model.on('alert', ({ state, name }) => {
      alerts.push(`${name} ${state}`);
      if (name === 'queue' && state === 'cleared') cleared();
    }, { interval: 100, rules });
    const abort = new AbortController();
    /** @type {import('../../worker/types.js').MetricsSnapshot[]} */
    const snapshots = [];
    let wake = () => {};
    const listener = (/** @type {import('../../worker/types.js').MetricsSnapshot} */ snapshot) => {
      snapshots.push(snapshot);
      wake();
    };
    const until = async (/** @type {() => boolean} */ holds) => {
      while (!holds()) await new Promise((resolve) => (wake = () => resolve(undefined)));
    };
    const off = model.on('metrics', listener, { signal: abort.signal });
    // Three at a time for as long as it takes until somebody has seen them wait: a fast machine answers within an interval.
    const control = new AbortController();
    const calls = [1, 2, 3].map(async () => {
      while (!control.signal.aborted) await model.complete('Hello', { signal: control.signal }).catch(() => {});
    });
    await model.complete('x '.repeat(4000)).catch(() => {});
    await until(() => alerts.includes('queue raised') && alerts.includes('failures raised'));
    control.abort();
    await Promise.all(calls);
    await isCleared;
    const done = async () => {
      await model.complete('again', { maxTokens: 5 });
      const { length } = snapshots;
      await until(() => snapshots.length > length);
    };
    for (let i = 0; i < 6; i++) await done();
    const history = model.metricsHistory().snapshots;

    off();
    const count = snapshots.length;
    model.on('metrics', listener, { signal: abort.signal });
    abort.abort();
    model.on('metrics', listener);
    model.off('metrics', listener);
    model.off('metrics', listener);
    // A listener that throws is reported, and does not end the others.
    /** @type {string[]} */
    const reported = [];
    addEventListener('error', (event) => {
      event.preventDefault();
      reported.push(event.message);
    });
    model.on('metrics', () => {
      throw new Error('of the listener');
    });
    await new Promise((resolve) => model.on('metrics', resolve, { interval: 150 }));
    const wrong = [() => model.on('metrics', listener, { interval: 1 }), () => model.on(/** @type {any} */ ('nothing'), listener), () => model.on('metrics', /** @type {any} */ (7)),
      () => model.on('alert', () => {}, { rules: /** @type {any} */ ([{ metric: 'nothing', above: 1 }]) })].map((call) => {
      try {
        return call();
      } catch (error) {
        return /** @type {any} */ (error).code;
      }
    });
    await model.unload();
    return { alerts, snapshots, after: snapshots.length - count, reported, history, wrong };
  }, MODEL);
  assert.deepEqual(got.alerts.filter((alert) => alert.startsWith('queue')), ['queue raised', 'queue cleared']);
  assert.deepEqual(got.alerts.filter((alert) => alert.startsWith('failures')), ['failures raised']);
  assert.equal(got.after, 0);
  assert.match(got.reported[0], /of the listener/);
  assert.ok(got.history.length > 0 && got.history.length <= 3, `${got.history.length}`);
  const { requests } = /** @type {MetricsSnapshot} */ (got.snapshots.at(-1));
  assert.deepEqual(requests.failures, { context_overflow: 1 });
  assert.ok(requests.aborted >= 1 && requests.aborted <= 3, `${requests.aborted}`);
  assert.ok(got.snapshots.every(({ seconds }) => seconds > 0 && seconds < 60));
  assert.deepEqual(got.wrong, Array(4).fill('invalid_argument'));
});

pageTest('health tells each part within its time limit, and leaves no trace', async (page) => {
  const got = await page.evaluate(async (url) => {
    const model = await lib.BitNet.load(url, { threads: 2, maxConcurrent: 1, warmUp: true });
    const warm = await model.metrics();
    const options = { maxTokens: 60, temperature: 0 };
    const alone = await model.complete('Hello', options);
    const before = (await model.metrics()).kv;
    const idle = await model.health();
    const after = (await model.metrics()).kv;
    // While all places are taken, and others wait.
    const calls = [model.complete('Hello', options), model.complete('Hello', options)];
    const busy = await model.health();
    const texts = (await Promise.all(calls)).map(({ text, usage }) => [text, usage.cachedTokens]);
    const counted = (await model.metrics()).requests;
    const failure = (/** @type {Promise<any>} */ call) => call.then(() => 'answered', (error) => error.code ?? String(error));
    const wrong = await Promise.all([failure(model.health({ timeout: 0 })), failure(model.health({ signal: AbortSignal.abort('enough') }))]);
    // A thread that is lost, then the engine itself.
    tap.workers[1].terminate();
    let threadLost = await model.health({ timeout: 400 });
    while (threadLost.ok) threadLost = await model.health({ timeout: 400 }); // it takes the browser a while
    tap.workers[0].terminate();
    const engineLost = await model.health({ timeout: 200 });
    const aborted = new AbortController();
    setTimeout(() => aborted.abort('enough'), 10);
    const late = await failure(model.health({ signal: aborted.signal }));
    await model.unload();
    const unloaded = await model.health();
    return { warm, alone: [alone.text, alone.usage.cachedTokens], before, after, idle, busy, texts, counted, wrong, threadLost, engineLost, late, unloaded };
  }, MODEL);
  // Of the warm-up nothing is left, but the weights were read.
  assert.deepEqual([got.warm.kv.keptTexts, got.warm.kv.blocks, got.warm.requests.done], [0, 0, 0]);
  assert.equal(got.alone[1], 0);
  for (const { ok, parts } of [got.idle, got.busy]) {
    assert.deepEqual([ok, parts.engine.ok, parts.threads.ok, parts.generation.ok], [true, true, true, true], JSON.stringify(parts));
  }
  assert.deepEqual(got.after, got.before);
  assert.deepEqual(got.texts.map(([text]) => text), [got.alone[0], got.alone[0]]);
  assert.equal(got.counted.done, 3);
  assert.deepEqual(got.wrong, ['invalid_argument', 'enough']);
  const codes = (/** @type {any} */ { ok, parts }) => [ok, ...Object.values(parts).map((part) => part.error?.code ?? 'ok')];
  // It may have done its last task just before.
  assert.match(codes(got.threadLost).join(), /^false,ok,(ok|timeout),timeout$/);
  assert.deepEqual(codes(got.engineLost), [false, 'timeout', 'timeout', 'timeout']);
  assert.equal(got.late, 'enough');
  assert.deepEqual(codes(got.unloaded), [false, 'unloaded', 'unloaded', 'unloaded']);
});
