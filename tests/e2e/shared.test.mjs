// One engine for all tabs of an origin: who runs it, who takes over when that tab is closed, crashes or falls silent, and what becomes of calls.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, BrowserContext, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const MODEL = '/models/gqa1-i2_s.gguf';
/** Says 480 letters, however the model likes it: nearly as much as its context holds, so that it is still under way when something happens. */
const LONG = { responseFormat: { type: /** @type {const} */ ('regex'), pattern: '[a-f]{480}' }, maxTokens: 500, seed: 5, temperature: 1 };

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** Requests for the model. */
let downloads = 0;
/** Whether a page that waits for it may go on. */
let isFree = false;

before(async () => {
  browser = await launch();
  server = await startDemo({
    folders: { '/models/': join(ROOT, 'tests/fixtures/models'), '/e2e/': join(ROOT, 'tests/e2e') },
    handle: async (_request, response, path) => {
      if (path === MODEL) downloads += 1;
      if (path !== '/free') return false;
      await new Promise((resolve) => setTimeout(resolve, 50));
      response.writeHead(200, { 'Content-Type': 'text/plain' }).end(String(isFree));
      return true;
    },
  });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** A tab with the library. @param {BrowserContext} context */
async function tab(context) {
  const page = await context.newPage();
  await page.goto(`${server.origin}/blank.html`);
  await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
  await page.waitForFunction(() => 'lib' in globalThis);
  return page;
}

/**
 * Loads the shared model in a tab.
 * @param {Page} page
 * @param {object} [options]
 */
function load(page, options = {}) {
  return page.evaluate(async ([url, options]) => {
    /** @type {string[]} */
    const phases = [];
    const onProgress = (/** @type {any} */ { phase }) => void (phases.at(-1) !== phase && phases.push(phase));
    const model = await lib.BitNet.load(/** @type {string} */ (url), { threads: 2, kernel: 'scalar', shared: true, onProgress, .../** @type {object} */ (options) });
    Object.assign(globalThis, { model });
    return { shared: model.info.shared, workers: tap.workers.length - tap.ended, phases };
  }, /** @type {[string, object]} */ ([MODEL, options]));
}

/** A script holds the page until `isFree`: nothing else of the page runs meanwhile. @param {Page} page */
async function standStill(page) {
  isFree = false;
  await page.evaluate(() => {
    setTimeout(() => {
      const request = new XMLHttpRequest();
      do {
        request.open('GET', '/free', false);
        request.send();
      } while (request.responseText !== 'true');
    });
  });
}

/** Begins a long answer in a tab, and waits for some of it. @param {Page} page @param {object} [options] */
async function begin(page, options = {}) {
  await page.evaluate((options) => {
    const { model } = /** @type {any} */ (globalThis);
    const stream = model.generate('one', options);
    const state = { text: '', tokens: 0, end: '', result: undefined };
    const work = (async () => {
      try {
        for await (const { text } of stream) {
          state.text += text;
          state.tokens += 1;
        }
        state.end = 'done';
        state.result = stream.result;
      } catch (/** @type {any} */ error) {
        state.end = error.code ?? String(error);
      }
    })();
    Object.assign(globalThis, { state, work });
  }, { ...LONG, ...options });
  await page.waitForFunction(() => /** @type {any} */ (globalThis).state.tokens >= 5);
}

/** @param {Page} page @returns {Promise<{ text: string, tokens: number, end: string, result: any }>} */
function ended(page) {
  return page.evaluate(async () => {
    const scope = /** @type {any} */ (globalThis);
    await scope.work;
    return scope.state;
  });
}

/** @param {Page} page @returns {Promise<any>} */
function roleOf(page) {
  return page.evaluate(() => /** @type {any} */ (globalThis).model.info.shared);
}

/** @param {Page} page */
async function crash(page) {
  const gone = page.waitForEvent('crash');
  const session = await page.context().newCDPSession(page);
  session.send('Page.crash').catch(() => {}); // it has no answer
  await gone;
}

test('a model is loaded once for all tabs, and every call works over it', { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  try {
    const [first, second, third] = [await tab(context), await tab(context), await tab(context)];
    downloads = 0;
    const loading = load(first);
    await first.waitForFunction(() => tap.workers.length > 0);
    const [a, b] = await Promise.all([loading, load(second)]);
    const once = downloads;
    assert.deepEqual([a.shared, a.workers, b.shared, b.workers], ['leader', 2, 'follower', 0]);
    const other = await load(third, { context: 64 });
    assert.deepEqual([other.shared, other.workers], ['leader', 2], 'other options have an engine of their own');
    assert.equal(downloads, once, 'from storage');

    const got = await second.evaluate(async (url) => {
      const shared = /** @type {any} */ (globalThis).model;
      const own = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar' });
      const work = async (/** @type {any} */ model) => {
        const chat = model.chat({ maxTokens: 5 });
        /** @type {string[]} */
        const said = [];
        for await (const { text } of chat.send('Hi')) said.push(text);
        const prefills = [];
        for await (const event of model.generate('one', { maxTokens: 5 }).events()) if (event.type === 'prefill') prefills.push(event.total);
        return {
          ids: await model.tokenize('one two'), text: await model.detokenize([1, 2]), count: await model.countTokens([{ role: 'user', content: 'Hi' }]),
          prompt: await model.chatPrompt([{ role: 'user', content: 'Hi' }]), hash: await model.logitsHash(), ppl: (await model.perplexity('one two')).perplexity,
          logits: Array.from((await model.logits([1, 2])).slice(0, 4)), said, prefills, info: model.info.vocabulary,
          batch: (await model.generateBatch(['one', 'two', 'three'], { maxTokens: 4 })).map((/** @type {any} */ { value }) => value.text),
          missing: await model.embed('x').then(() => '', (/** @type {any} */ { code }) => code), adapters: await model.adapters.list(),
          overflow: await model.complete('x '.repeat(3000)).then(() => '', (/** @type {any} */ { code, details }) => [code, details.contextLength]),
          wrong: await model.tokenize(7).then(() => '', (/** @type {any} */ { code }) => code),
        };
      };
      const [one, two] = [await work(shared), await work(own)];
      const control = new AbortController();
      const stream = shared.generate('one', { responseFormat: { type: 'regex', pattern: '[a-f]{200}' }, signal: control.signal });
      let tokens = 0;
      const aborted = await (async () => { for await (const _ of stream) if (++tokens === 3) control.abort('enough'); })().then(() => 'done', (reason) => reason);
      const adapter = await shared.adapters.load('/models/x.gguf').then(() => '', (/** @type {any} */ { code }) => code);
      const { releasedBytes, usedBytes, memoryBytes } = await shared.releaseMemory();
      await own.unload();
      const wrong = [];
      for (const source of [new Blob([]), 'blob:x']) wrong.push(await lib.BitNet.load(/** @type {any} */ (source), { shared: true }).then(() => '', ({ code }) => code));
      const missing = await lib.BitNet.load('/models/none.gguf', { shared: true }).then(() => '', ({ code }) => code);
      const early = await lib.BitNet.load(url, { shared: true, signal: AbortSignal.abort('no') }).then(() => '', (reason) => reason);
      return { one, two, aborted, adapter, wrong, missing, early, released: [releasedBytes > 0, usedBytes, memoryBytes > 0] };
    }, MODEL);
    assert.deepEqual(got.one, got.two);
    assert.deepEqual([got.aborted, got.adapter, got.missing, got.early], ['enough', 'unsupported', 'not_found', 'no']);
    assert.deepEqual(got.wrong, ['invalid_argument', 'invalid_argument']);
    assert.deepEqual(got.released, [true, 0, true]);

    // The leader's own model goes, the engine stays for the others, and goes with the last of them.
    const left = await first.evaluate(async () => {
      const { model } = /** @type {any} */ (globalThis);
      await model.unload();
      return [tap.workers.length - tap.ended, await model.tokenize('x').catch((/** @type {any} */ { code }) => code)];
    });
    assert.deepEqual(left, [2, 'unloaded']);
    assert.equal(await second.evaluate(() => /** @type {any} */ (globalThis).model.tokenize('one').then((/** @type {any} */ ids) => ids.length > 0)), true);
    await second.evaluate(() => /** @type {any} */ (globalThis).model.unload());
    await first.waitForFunction(() => tap.workers.length === tap.ended);
    assert.equal((await load(second)).shared, 'leader');
  } finally {
    await context.close();
  }
});

test('when the leader is closed or crashes another takes over, and calls go on or are told', { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  try {
    /** @type {Page[]} */
    const tabs = [];
    for (let i = 0; i < 4; i++) {
      tabs.push(await tab(context));
      await load(tabs[i], i === 1 ? { onLeaderLost: 'error' } : {});
    }
    assert.deepEqual(await Promise.all(tabs.map(roleOf)), ['leader', 'follower', 'follower', 'follower']);
    await begin(tabs[3]);
    const { text: wanted, tokens } = await ended(tabs[3]);
    assert.match(wanted, /^[a-f]{480}$/);

    await Promise.all(tabs.slice(1).map((page) => begin(page)));
    await tabs[0].close();
    const closed = await Promise.all(tabs.slice(1).map(ended));
    assert.equal(closed[0].end, 'leader_lost');
    assert.ok(wanted.startsWith(closed[0].text) && closed[0].text.length < 480, closed[0].text);
    for (const { text, end, tokens: told, result } of closed.slice(1)) {
      assert.deepEqual([end, text, told], ['done', wanted, tokens], 'nothing is told twice, and nothing is lost');
      assert.ok(result.usage.completionTokens > 0);
    }
    const roles = await Promise.all(tabs.slice(1).map(roleOf));
    assert.deepEqual(roles.filter((role) => role === 'leader').length, 1);
    const later = await tabs[1].evaluate(() => /** @type {any} */ (globalThis).model.complete('one', { maxTokens: 3 }).then((/** @type {any} */ { text }) => typeof text));
    assert.equal(later, 'string');

    // The next leader crashes, and an aborted call of a tab that waits is not begun again.
    const leader = tabs[1 + roles.indexOf('leader')];
    const rest = tabs.slice(1).filter((page) => page !== leader);
    const going = rest.filter((page) => page !== tabs[1]);
    await Promise.all(going.map((page) => begin(page)));
    await crash(leader);
    for (const { text, end } of await Promise.all(going.map(ended))) assert.deepEqual([end, text], ['done', wanted]);
    assert.equal((await Promise.all(rest.map(roleOf))).filter((role) => role === 'leader').length, 1);
  } finally {
    await context.close();
  }
});

test('a follower that is closed leaves nothing running', { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  try {
    const [leader, follower, third] = [await tab(context), await tab(context), await tab(context)];
    await load(leader, { maxConcurrent: 1, maxQueue: 0 });
    await load(follower, { maxConcurrent: 1, maxQueue: 0 });
    await load(third, { maxConcurrent: 1, maxQueue: 0 });
    await begin(follower);
    const full = await leader.evaluate(() => /** @type {any} */ (globalThis).model.complete('one', { maxTokens: 2 }).then(() => '', (/** @type {any} */ { code }) => code));
    assert.equal(full, 'queue_full');
    await follower.close();
    await leader.waitForFunction(() => /** @type {any} */ (globalThis).model.complete('one', { maxTokens: 2 }).then(() => true, () => false));

    assert.deepEqual([await roleOf(leader), await roleOf(third)], ['leader', 'follower']);
  } finally {
    await context.close();
  }
});

/**
 * A tab that hears from other tabs late: long after it has been given a lock that another tab has let go.
 * @param {Page} page
 */
async function hearLate(page) {
  await page.evaluate(() => {
    const scope = /** @type {any} */ (globalThis);
    scope.BroadcastChannel = class extends BroadcastChannel {
      /** @param {any} listener */
      set onmessage(listener) {
        super.onmessage = (event) => void setTimeout(() => listener(event), 400);
      }
    };
  });
}

test('an engine that dies is replaced, and what becomes of calls is up to the option alone', { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  try {
    const policies = /** @type {const} */ (['repeat', 'error', 'repeat', 'error', 'repeat']);
    /** @type {Page[]} */
    const tabs = [];
    for (const [i, onLeaderLost] of policies.entries()) {
      const page = await tab(context);
      // The next in the queue, whom nothing keeps from leading at once, and one behind it.
      if (i === 1 || i === 2) await hearLate(page);
      await load(page, { onLeaderLost });
      tabs.push(page);
    }
    await begin(tabs[4]);
    const { text: wanted, tokens } = await ended(tabs[4]);
    await Promise.all(tabs.map((page) => begin(page)));
    await tabs[0].evaluate(() => {
      const [engine] = tap.workers;
      engine.onerror?.(new ErrorEvent('error', { message: 'out of order' }));
    });
    const found = await Promise.all(tabs.map(ended));
    for (const [i, { text, end, tokens: told }] of found.entries()) {
      if (policies[i] === 'repeat') assert.deepEqual([end, text, told], ['done', wanted, tokens], `tab ${i}`);
      else assert.ok(end === 'crashed' && wanted.startsWith(text) && text.length < 480, `tab ${i}: ${end}`);
    }
    // The next calls have an engine again.
    const again = tabs.map((page) => page.evaluate(() => /** @type {any} */ (globalThis).model.complete('one', { maxTokens: 2 }).then((/** @type {any} */ { usage }) => usage.completionTokens)));
    assert.deepEqual(await Promise.all(again), [2, 2, 2, 2, 2]);
    assert.deepEqual(await Promise.all(tabs.map(roleOf)), ['follower', 'leader', 'follower', 'follower', 'follower'], 'the next in the queue has taken over');

    // A tab that stands still hears nothing. The others do not wait for it for longer than they wait for a leader.
    const [third, fourth] = await Promise.all([tab(context), tab(context)]);
    for (const page of tabs) await page.close();
    await load(third, { watchdog: 3000 });
    await load(fourth, { watchdog: 0 });
    await standStill(fourth);
    await begin(third);
    await third.evaluate(() => {
      const engine = tap.workers[tap.workers.length - 2];
      engine.onerror?.(new ErrorEvent('error', { message: 'out of order' }));
    });
    const { end, text } = await ended(third);
    assert.deepEqual([end, text], ['done', wanted]);
    isFree = true;
    assert.deepEqual([await roleOf(third), await roleOf(fourth)], ['leader', 'follower']);
  } finally {
    isFree = true;
    await context.close();
  }
});

test('metrics, health, presets, a warm-up and a comparison work over a shared engine', { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  try {
    const [leader, follower] = [await tab(context), await tab(context)];
    const options = { kernel: 'auto', threads: undefined, preset: 'auto', warmUp: true };
    assert.deepEqual([(await load(leader, options)).shared, (await load(follower, options)).shared], ['leader', 'follower']);
    const found = [];
    for (const page of [leader, follower]) {
      found.push(await page.evaluate(async () => {
        const { model } = /** @type {any} */ (globalThis);
        const fresh = await model.metrics();
        /** @type {any[]} */
        const heard = [];
        const listening = new Promise((resolve) => model.on('metrics', (/** @type {any} */ snapshot) => void (heard.push(snapshot), snapshot.requests.done === 2 && resolve(undefined)), { interval: 100 }));
        const usages = [];
        for (let i = 0; i < 2; i++) usages.push((await model.complete('one two three', { maxTokens: 4 })).usage);
        await model.complete('x '.repeat(3000)).catch(() => {});
        await listening;
        const { requests, tokens, memory, kv } = await model.metrics();
        const { ok, parts } = await model.health();
        const { preset, threads, contextLength } = model.info;
        const late = await model.health({ timeout: 0.001 });
        return {
          before: [fresh.requests.done, fresh.tokens.completion], requests: [requests.done, requests.failed, requests.failures], usages, completion: tokens.completion,
          memory: memory.wasm > 0, kv, ok, parts: Object.values(parts).map((/** @type {any} */ part) => part.ok), late: late.ok,
          preset: [preset.name, preset.reasons.length > 0, preset.overridden], engine: [threads, contextLength],
        };
      }));
    }
    for (const { before, requests, usages, completion, memory, ok, parts, late } of found) {
      assert.deepEqual([before, requests, memory, ok, parts, late], [[0, 0], [2, 1, { context_overflow: 1 }], true, true, [true, true, true], false], 'each tab counts what it asks for, and a warm-up is no request');
      assert.equal(completion, usages[0].completionTokens + usages[1].completionTokens);
    }
    assert.deepEqual(found[0].preset, found[1].preset);
    assert.deepEqual(found[0].engine, found[1].engine);
    // The second tab finds what the first one has computed.
    assert.ok(found[1].usages[0].cachedTokens > 0, JSON.stringify(found[1].usages));

    const { rows, own, left } = await follower.evaluate(async (url) => {
      const settings = /** @type {const} */ ([{ threads: 1, kernel: 'scalar' }, { threads: 2, kernel: 'scalar', precision: 'exact' }]);
      const options = { rounds: 2, maxTokens: 4 };
      const { rows } = await lib.BitNet.compare(url, settings.map((setting) => ({ ...setting, shared: true })), options);
      const { rows: own } = await lib.BitNet.compare(url, settings, options);
      return { rows, own, left: tap.workers.length - tap.ended };
    }, MODEL);
    const plain = (/** @type {any[]} */ rows) => rows.map(({ ok, error, kernel, precision, threads, tokens, logitsHash, text }) => ({ ok, error, kernel, precision, threads, tokens, logitsHash, text }));
    assert.deepEqual(plain(rows), plain(own));
    assert.deepEqual([rows.map(({ ok }) => ok), left], [[true, true], 0], 'nothing is left running');
  } finally {
    await context.close();
  }
});

test('a leader that does not answer is deposed, and follows when it does', { timeout: 120_000 }, async () => {
  const context = await browser.newContext();
  try {
    const [leader, follower] = [await tab(context), await tab(context)];
    // Of these two, the second alone may think that the other one is gone.
    await load(leader, { watchdog: 0 });
    await load(follower, { watchdog: 3000 });
    await begin(follower);
    const { text: wanted } = await ended(follower);
    await begin(follower);
    await standStill(leader);
    const { end, text } = await ended(follower);
    assert.deepEqual([end, text], ['done', wanted]);
    assert.equal(await roleOf(follower), 'leader');
    // A tab that comes now waits for nobody.
    const third = await tab(context);
    assert.equal((await load(third, { watchdog: 0 })).shared, 'follower');
    isFree = true;
    await leader.waitForFunction(() => /** @type {any} */ (globalThis).model.info.shared === 'follower');
    await leader.waitForFunction(() => tap.workers.length === tap.ended);
    await begin(leader);
    assert.equal((await ended(leader)).text, wanted);
  } finally {
    await context.close();
  }
});
