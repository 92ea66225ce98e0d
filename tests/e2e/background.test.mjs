// What happens to a model while its page is hidden, frozen or away, after the machine has slept, and when memory is short.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, ROOT, startDemo } from './harness.mjs';
import { hiddenTabs } from './hidden-tabs.mjs';
import { onWake } from '../../worker/wake.js';

/** @import { Browser } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

/** @typedef {Awaited<ReturnType<Awaited<ReturnType<typeof hiddenTabs>>['open']>>} Tab */

/** The letters that come when nothing happens. */
let wanted = '';

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;
/** @type {Awaited<ReturnType<typeof hiddenTabs>>} */
let tabs;

before(async () => {
  // Tests have no way back to a page that was left, unless they ask for it.
  browser = await launch({ ignoreDefaultArgs: ['--disable-back-forward-cache'] });
  server = await startDemo({ folders: { '/models/': join(ROOT, 'tests/fixtures/models'), '/adapters/': join(ROOT, 'tests/fixtures/adapters'), '/e2e/': join(ROOT, 'tests/e2e') } });
  tabs = await hiddenTabs(browser);
  const tab = await tabWith();
  await begin(tab);
  ({ text: wanted } = await ended(tab));
  await tab.close();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/** A tab with a model. @param {object} [options] */
async function tabWith(options = {}) {
  const tab = await tabs.open(`${server.origin}/blank.html`);
  await tab.evaluate(async (options) => {
    await new Promise((resolve) => {
      const script = Object.assign(document.createElement('script'), { type: 'module', src: '/e2e/api-page.js' });
      script.onload = resolve;
      document.head.append(script);
    });
    const model = await lib.BitNet.load('/models/gqa1-i2_s.gguf', { threads: 2, kernel: 'scalar', watchdog: 1000, ...options });
    Object.assign(globalThis, { model });
  }, options);
  return tab;
}

/** Begins to say 300 letters. @param {Tab} tab */
async function begin(tab) {
  await tab.evaluate(() => {
    const state = { text: '', end: '' };
    Object.assign(globalThis, { state });
    const { model } = /** @type {any} */ (globalThis);
    const stream = model.generate('one', { responseFormat: { type: 'regex', pattern: '[a-f]{300}' }, maxTokens: 400, seed: 5, temperature: 1 });
    void (async () => {
      try {
        for await (const { text } of stream) state.text += text;
        state.end = 'done';
      } catch (/** @type {any} */ error) {
        state.end = error.code ?? String(error);
      }
    })();
  });
  await tab.waitFor(() => /** @type {any} */ (globalThis).state.text.length >= 3);
}

/** @param {Tab} tab @returns {Promise<{ text: string, end: string }>} */
function stateOf(tab) {
  return tab.evaluate(() => /** @type {any} */ (globalThis).state);
}

/** @param {Tab} tab */
async function ended(tab) {
  await tab.waitFor(() => /** @type {any} */ (globalThis).state.end !== '');
  return stateOf(tab);
}

test('in a hidden page an answer goes on, or pauses until the page is shown', { timeout: 120_000 }, async () => {
  const pausing = await tabWith({ hidden: 'pause' });
  await begin(pausing);
  const running = await tabWith(); // which hides the other
  await pausing.waitFor(() => document.visibilityState === 'hidden');
  await begin(running);
  await pausing.show();
  await running.waitFor(() => document.visibilityState === 'hidden');
  assert.equal((await ended(running)).text, wanted);
  assert.equal((await ended(pausing)).text, wanted);

  // The page says that it is hidden before the first token: not one comes, for longer than the watchdog waits.
  await running.show();
  await pausing.waitFor(() => document.visibilityState === 'hidden');
  const waiting = await pausing.evaluate(async () => {
    const { model } = /** @type {any} */ (globalThis);
    const stream = model.generate('one', { maxTokens: 3 });
    const first = stream.next();
    Object.assign(globalThis, { first, stream });
    // Other calls are answered meanwhile.
    const ids = await model.tokenize('one');
    const late = await model.complete('one', { maxTokens: 3, timeout: 50 }).then(() => '', (/** @type {any} */ { code }) => code);
    const control = new AbortController();
    setTimeout(() => control.abort('enough'), 50);
    const aborted = await model.complete('one', { maxTokens: 3, signal: control.signal }).then(() => '', (/** @type {any} */ reason) => reason);
    const state = await Promise.race([first.then(() => 'came'), new Promise((resolve) => setTimeout(() => resolve('waits'), 2500))]);
    return { state, ids: ids.length > 0, late, aborted };
  });
  assert.deepEqual(waiting, { state: 'waits', ids: true, late: 'timeout', aborted: 'enough' });
  await pausing.show();
  assert.equal(await pausing.evaluate(() => /** @type {any} */ (globalThis).first.then((/** @type {any} */ { done }) => done)), false);
  await Promise.all([pausing.close(), running.close()]);
});

test('a frozen page goes on where it was, and workers that have not survived are replaced', { timeout: 120_000 }, async () => {
  const tab = await tabWith();
  const other = await tabs.open(`${server.origin}/blank.html`);
  await tab.waitFor(() => document.visibilityState === 'hidden');
  await begin(tab);
  await tab.setLifecycle('frozen');
  // Longer than the watchdog waits for a worker that is awake.
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await tab.setLifecycle('active');
  const { text, end } = await ended(tab);
  assert.deepEqual([end, text], ['done', wanted]);

  // Nobody asks anything when the workers are lost: the page finds out by itself, and the next call has new ones.
  await tab.setLifecycle('frozen');
  await tab.evaluate(() => tap.workers.forEach((worker) => worker.terminate()));
  await tab.setLifecycle('active');
  await tab.waitFor(() => tap.workers.length === 4);
  assert.equal(await tab.evaluate(() => /** @type {any} */ (globalThis).model.tokenize('one').then((/** @type {any} */ ids) => ids.length > 0)), true);
  await begin(tab);
  assert.equal((await ended(tab)).text, wanted);

  // A call that was under way is told. A browser takes up to two seconds to end a worker.
  await begin(tab);
  await tab.setLifecycle('frozen');
  await tab.evaluate(() => tap.workers.forEach((worker) => worker.terminate()));
  await new Promise((resolve) => setTimeout(resolve, 2500));
  await tab.setLifecycle('active');
  assert.equal((await ended(tab)).end, 'crashed');
  await begin(tab);
  assert.equal((await ended(tab)).text, wanted);
  assert.equal(await tab.evaluate(() => tap.workers.length), 6);
  await Promise.all([tab.close(), other.close()]);
});

test('new workers have the adapters of the old ones; a source that cannot be read again has no new workers', { timeout: 120_000 }, async () => {
  const tab = await tabWith();
  const got = await tab.evaluate(async () => {
    const options = { threads: 1, kernel: /** @type {const} */ ('scalar'), watchdog: 1000 };
    const adapters = [{ source: '/adapters/tiny-all/', name: 'all' }, { source: '/adapters/tiny-some/', name: 'some' }];
    const model = await lib.BitNet.load('/models/tiny-i2_s.gguf', { ...options, adapters });
    await model.adapters.load('/adapters/tiny-all/', { name: 'gone' });
    await model.adapters.unload('gone');
    await model.adapters.disable('some');
    await model.adapters.enable('all', 0.5);
    const other = await lib.BitNet.load(await (await fetch('/models/tiny-i2_s.gguf')).arrayBuffer(), options);
    const before = [await model.logitsHash(), JSON.stringify(await model.adapters.list())];
    tap.workers.slice(-2).forEach((worker) => worker.terminate());
    // A browser takes up to two seconds to end a worker.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    const count = tap.workers.length;
    document.dispatchEvent(new Event('resume'));
    const [lost, dead] = await Promise.all([model, other].map((one) => one.tokenize('one').then(() => '', (/** @type {any} */ { code }) => code)));
    const after = [await model.logitsHash(), JSON.stringify(await model.adapters.list())];
    const still = await other.tokenize('one').then(() => '', (/** @type {any} */ { code }) => code);
    const started = tap.workers.length - count;
    await Promise.all([model.unload(), other.unload()]);
    return { before, after, lost, dead, still, started };
  });
  assert.deepEqual(got.after, got.before);
  assert.deepEqual([got.lost, got.dead, got.still, got.started], ['crashed', 'crashed', 'crashed', 1]);
  await tab.close();
});

test('a leader that is frozen gives up its place at once, and follows when it wakes', { timeout: 120_000 }, async () => {
  const leader = await tabWith({ shared: true });
  const follower = await tabWith({ shared: true });
  await leader.waitFor(() => document.visibilityState === 'hidden');
  const roleOf = (/** @type {Tab} */ tab) => tab.evaluate(() => /** @type {any} */ (globalThis).model.info.shared);
  assert.deepEqual([await roleOf(leader), await roleOf(follower)], ['leader', 'follower']);
  await begin(follower);
  await leader.setLifecycle('frozen');
  const { text, end } = await ended(follower);
  assert.deepEqual([end, text], ['done', wanted]);
  assert.equal(await roleOf(follower), 'leader');
  await leader.setLifecycle('active');
  await leader.waitFor(() => /** @type {any} */ (globalThis).model.info.shared === 'follower');
  await begin(leader);
  assert.equal((await ended(leader)).text, wanted);
  await leader.waitFor(() => tap.workers.length === tap.ended);

  // The leader's page is in front, where this follower wants a pause: both must be hidden.
  const pausing = await tabWith({ shared: true, hidden: 'pause' });
  await follower.show();
  await begin(pausing);
  assert.equal((await ended(pausing)).text, wanted);
  await pausing.close();
  await Promise.all([leader.close(), follower.close()]);
});

test('a page that comes back has its model, and shares it again', { timeout: 120_000 }, async () => {
  for (const shared of [false, true]) {
    const tab = await tabWith({ shared });
    await tab.evaluate(() => {
      addEventListener('pageshow', ({ persisted }) => Object.assign(globalThis, { persisted }));
      setTimeout(() => (location.href = '/blank.html?away'));
    });
    await tab.waitFor(() => location.search === '?away');
    await tab.evaluate(() => void setTimeout(() => history.back()));
    await tab.waitFor(() => location.search === '');
    const kept = await tab.evaluate(() => /** @type {any} */ (globalThis).persisted === true);
    const reasons = await tab.evaluate(() => JSON.stringify(/** @type {any} */ (performance.getEntriesByType('navigation')[0]).notRestoredReasons));
    assert.equal(kept, true, `shared ${shared}: ${reasons}`);
    await begin(tab);
    assert.equal((await ended(tab)).text, wanted);
    await tab.close();
  }
});

test('a jump of the clock is sleep, and a hidden page’s slow timers are not', (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  let woken = 0;
  const end = onWake(() => void (woken += 1));
  const tick = (/** @type {number} */ times) => {
    for (; times > 0; times--) t.mock.timers.tick(5000);
  };
  tick(12);
  assert.equal(woken, 0);
  t.mock.timers.setTime(Date.now() + 3_600_000);
  tick(1);
  assert.equal(woken, 1);
  tick(12);
  assert.equal(woken, 1);
  end();
  t.mock.timers.setTime(Date.now() + 3_600_000);
  tick(12);
  assert.equal(woken, 1);
});

test('memory that is released is used again, and what was read is read anew', { timeout: 120_000 }, async () => {
  const tab = await tabWith();
  const got = await tab.evaluate(async () => {
    const { model } = /** @type {any} */ (globalThis);
    const prompt = 'a prompt that is read '.repeat(20);
    const ask = async () => (await model.complete(prompt, { maxTokens: 5, temperature: 0 }));
    const first = await ask();
    const again = await ask();
    const running = model.generate('one', { responseFormat: { type: 'regex', pattern: '[a-f]{50}' } });
    await running.next();
    const released = await model.releaseMemory();
    let text = '';
    for await (const token of running) text += token.text;
    const anew = await ask();
    const nothing = await (await model.releaseMemory(), model.releaseMemory());
    await model.unload();
    const gone = await model.releaseMemory().then(() => '', (/** @type {any} */ { code }) => code);
    return { cached: [first, again, anew].map(({ usage }) => usage.cachedTokens > 20), same: first.text === anew.text, released, nothing, length: text.length, gone };
  });
  assert.deepEqual(got.cached, [false, true, false]);
  assert.deepEqual([got.same, got.length >= 49, got.gone], [true, true, 'unloaded']);
  assert.ok(got.released.releasedBytes > 0 && got.released.usedBytes > 0 && got.released.memoryBytes > got.released.releasedBytes);
  assert.deepEqual([got.nothing.releasedBytes, got.nothing.usedBytes], [0, 0]);
  assert.ok(got.nothing.memoryBytes >= got.released.memoryBytes, 'WebAssembly’s memory never becomes smaller');
  await tab.close();
});
