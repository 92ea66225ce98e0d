// The chat page by itself: everything that it promises, with a stand-in for the library, so that each moment can be held.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, BrowserContextOptions, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;

/** @param {{ isolated?: boolean }} [options] */
async function startPage(options) {
  const library = await readFile(join(ROOT, 'tests/e2e/stand-in.js'));
  return startDemo({
    ...options,
    handle(request, response, path) {
      if (path !== '/dist/index.js') return false;
      response.writeHead(200, { 'Content-Type': 'text/javascript; charset=utf-8' }).end(library);
      return true;
    },
  });
}

before(async () => {
  browser = await launch();
  server = await startPage();
});

after(async () => {
  await browser?.close();
  await server?.close();
});

/**
 * Opens the page, lets the test work on it, and then wants a page without complaints: no error in the console, which is
 * also where a violation of the Content-Security-Policy is told.
 * @param {string} search
 * @param {(page: Page) => Promise<void>} work
 * @param {BrowserContextOptions & { origin?: string }} [options]
 */
async function withPage(search, work, { origin = server.origin, ...options } = {}) {
  const { context, page, complaints } = await openPage(browser, `${origin}/${search}`, options);
  try {
    await work(page);
    assert.deepEqual(complaints, []);
  } finally {
    await context.close();
  }
}

/** @param {Page} page @param {string} [status] */
function status(page, status = 'ready') {
  return page.waitForSelector(`body[data-status="${status}"]`);
}

/** Sends a message and, unless told not to, waits for the end of the answer. @param {Page} page @param {string} text */
async function ask(page, text, wait = true) {
  await page.getByTestId('prompt').fill(text);
  await page.keyboard.press('Enter');
  if (wait) await answered(page);
}

/** @param {Page} page */
async function answered(page) {
  await page.waitForSelector('[data-testid="turn-assistant"]:last-child[aria-busy="false"]');
}

/** @param {Page} page */
function lastAnswer(page) {
  return page.getByTestId('turn-assistant').last();
}

/**
 * What the page has told the library.
 * @param {Page} page
 * @returns {Promise<{ loads: { source: string, options: Record<string, unknown> }[], answers: { messages: { role: string, content: string }[], options: Record<string, unknown> }[], unloads: number }>}
 */
function told(page) {
  return page.evaluate(() => {
    const { loads, answers, unloads } = /** @type {any} */ (globalThis).standIn;
    return { loads, answers, unloads };
  });
}

/** @param {Page} page @param {string} gate */
function open(page, gate) {
  return page.evaluate((name) => /** @type {any} */ (globalThis).standIn.open(name), gate);
}

describe('loading', () => {
  test('shows bytes, speed and time left, then what runs', () => withPage('?model=./slow.gguf', async (page) => {
    await page.getByText('2.5 of 10.0 MB').waitFor();
    assert.equal(await page.getByTestId('load-title').textContent(), 'Downloading slow.gguf');
    assert.equal(await page.getByTestId('load-detail').textContent(), '2.5 of 10.0 MB · 1 MB/s · 8 s left');
    assert.equal(await page.getByTestId('load-bar').getAttribute('value'), '0.25');
    await open(page, 'load');
    await status(page);
    assert.equal(await page.getByTestId('load').isVisible(), false);
    const info = await page.getByTestId('info').innerText();
    for (const fact of ['bitnet-b1.58', '7.4 M parameters', 'I2_S', 'relaxed', 'mad kernel', '2 threads', 'isolated', '21 MB']) assert.ok(info.includes(fact), `${fact} in ${info}`);
  }));

  test('says when the bytes come from this device', () => withPage('?model=./slow-kept.gguf', async (page) => {
    await page.getByText('Loading from this device: slow-kept.gguf').waitFor();
  }));

  test('can be cancelled, and tried again', () => withPage('?model=./slow.gguf', async (page) => {
    await page.getByText('2.5 of 10.0 MB').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await status(page, 'empty');
    await open(page, 'load');
    await page.getByRole('button', { name: 'Try again' }).click();
    await status(page);
  }));

  test('a bad address gives its code and a sentence, and the page goes on', () => withPage('?model=./missing.gguf', async (page) => {
    const error = page.getByTestId('error');
    await error.waitFor();
    assert.equal(await error.getAttribute('data-code'), 'not_found');
    assert.match(await error.innerText(), /the server answered 404/);
    assert.equal(await page.locator('#notices').getAttribute('role'), 'alert');
    await page.getByRole('button', { name: 'Load the demo model' }).click();
    await status(page);
    assert.equal(await error.count(), 0);
    await ask(page, 'Hi');
    assert.match(await lastAnswer(page).innerText(), /Hello there\./);
  }));

  test('a bad address leaves the model in use where it is', () => withPage('', async (page) => {
    await status(page);
    await page.getByRole('button', { name: /^Model:/ }).click();
    await page.getByTestId('address').fill('./missing.gguf');
    await page.getByTestId('load-address').click();
    await page.getByTestId('error').waitFor();
    await status(page);
    assert.equal(await page.getByTestId('model-name').textContent(), 'Demo model');
    assert.equal((await told(page)).unloads, 0);
    await ask(page, 'Hi');
    assert.match(await lastAnswer(page).innerText(), /Hello there\./);
  }));

  test('does without the probe and the cache', () => withPage('?bare=yes&model=https://example.org/big.gguf', async (page) => {
    await page.getByText('big.gguf, from example.org.').waitFor();
    assert.equal(await page.locator('#cache-section').isVisible(), false);
    await page.getByTestId('consent-yes').click();
    await status(page);
  }));

  test('an error can be dismissed', () => withPage('?model=./bad.gguf', async (page) => {
    await page.getByTestId('error').waitFor();
    await page.getByRole('button', { name: 'Dismiss' }).click();
    assert.equal(await page.getByTestId('error').count(), 0);
  }));

  test('takes an address from the models dialog', () => withPage('', async (page) => {
    await status(page);
    await page.getByRole('button', { name: /^Model:/ }).click();
    await page.getByTestId('address').fill('hf:someone/something/model.gguf');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'model.gguf');
    await status(page);
    const { loads, unloads } = await told(page);
    assert.equal(loads[1].source, 'hf:someone/something/model.gguf');
    assert.equal(unloads, 1);
  }));

  test('takes a dropped file and a chosen one', () => withPage('', async (page) => {
    await status(page);
    await page.evaluate(() => {
      const dataTransfer = new DataTransfer();
      dataTransfer.items.add(new File(['x'], 'dropped.gguf'));
      document.body.dispatchEvent(new DragEvent('dragenter', { dataTransfer, bubbles: true }));
      if (document.querySelector('#drop')?.hasAttribute('hidden')) throw new Error('nothing shows where to drop');
      document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
    });
    await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'dropped.gguf');
    assert.equal(await page.locator('#drop').isVisible(), false);
    await status(page);
    await page.getByTestId('file').setInputFiles({ name: 'chosen.gguf', mimeType: 'application/octet-stream', buffer: Buffer.from('x') });
    await page.waitForFunction(() => document.querySelector('#model-name')?.textContent === 'chosen.gguf');
    await status(page);
    assert.deepEqual((await told(page)).loads.slice(1).map(({ source }) => source), ['file:dropped.gguf', 'file:chosen.gguf']);
  }));

  test('asks before a link makes it download from elsewhere', () => withPage('?model=https://example.org/big.gguf', async (page) => {
    await page.getByTestId('consent').waitFor();
    await page.getByText('big.gguf, from example.org, 10 MB to download, 21 MB of memory needed, fits into this browser, about 40 tok/s here.').waitFor();
    assert.deepEqual((await told(page)).loads, []);
    await page.getByTestId('consent-yes').click();
    await status(page);
    assert.equal((await told(page)).loads[0].source, 'https://example.org/big.gguf');
  }));
});

describe('chat', () => {
  test('streams, then announces the answer once and shows its speed', () => withPage('', async (page) => {
    await status(page);
    await ask(page, 'say one two WAIT three', false);
    await page.waitForFunction(() => document.querySelector('[data-testid="turn-assistant"] .turn-text')?.textContent === 'one two ');
    assert.equal(await lastAnswer(page).getAttribute('aria-busy'), 'true');
    assert.doesNotMatch(await page.getByTestId('announcer').innerText(), /one/);
    await open(page, 'more');
    await answered(page);
    assert.equal(await lastAnswer(page).getByTestId('turn-text').textContent(), 'one two WAIT three');
    assert.equal(await page.getByTestId('announcer').textContent(), 'Answer: one two WAIT three');
    assert.equal(await lastAnswer(page).getByTestId('stats').innerText(), '41.3 tok/s · 4 tokens · first after 50 ms · prompt of 26 tokens, 6 kept at 400 tok/s');
  }));

  test('Stop and Escape keep what there is, and the next turn knows it', () => withPage('', async (page) => {
    await status(page);
    await ask(page, 'say one two WAIT three', false);
    await page.getByText('one two').last().waitFor();
    await page.getByRole('button', { name: 'Stop' }).click();
    await answered(page);
    assert.equal(await lastAnswer(page).getAttribute('data-state'), 'stopped');
    await ask(page, 'say four WAIT five', false);
    await page.getByText('four', { exact: true }).waitFor();
    await page.keyboard.press('Escape');
    await answered(page);
    await ask(page, 'Hi');
    assert.deepEqual((await told(page)).answers[2].messages, [
      { role: 'user', content: 'say one two WAIT three' },
      { role: 'assistant', content: 'one two ' },
      { role: 'user', content: 'say four WAIT five' },
      { role: 'assistant', content: 'four ' },
      { role: 'user', content: 'Hi' },
    ]);
  }));

  test('Enter sends, Shift+Enter makes a line, an empty message is not sent', () => withPage('', async (page) => {
    await status(page);
    assert.equal(await page.getByTestId('send').isDisabled(), true);
    await page.getByTestId('prompt').press('Enter');
    await page.getByTestId('prompt').pressSequentially('a');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('b');
    assert.equal(await page.getByTestId('prompt').inputValue(), 'a\nb');
    await page.keyboard.press('Enter');
    await answered(page);
    assert.equal(await page.getByTestId('prompt').inputValue(), '');
    assert.deepEqual((await told(page)).answers.map(({ messages }) => messages), [[{ role: 'user', content: 'a\nb' }]]);
  }));

  test('New chat ends the answer and forgets everything', () => withPage('', async (page) => {
    await status(page);
    await ask(page, 'say one WAIT two', false);
    await page.getByText('one', { exact: true }).waitFor();
    await page.getByRole('button', { name: 'New chat' }).click();
    assert.equal(await page.getByTestId('turn-assistant').count(), 0);
    assert.equal(await page.locator('#welcome').isVisible(), true);
    await ask(page, 'Hi');
    assert.deepEqual((await told(page)).answers[1].messages, [{ role: 'user', content: 'Hi' }]);
  }));

  test('Try again asks the same once more', () => withPage('', async (page) => {
    await status(page);
    await ask(page, 'Hi');
    await page.getByTestId('retry').click();
    await answered(page);
    assert.equal(await page.getByTestId('turn-assistant').count(), 1);
    const { answers } = await told(page);
    assert.deepEqual(answers[1].messages, answers[0].messages);
  }));

  test('an example is sent by a click', () => withPage('', async (page) => {
    await status(page);
    const example = page.getByTestId('example').first();
    const text = await example.innerText();
    await example.click();
    await answered(page);
    assert.equal((await told(page)).answers[0].messages[0].content, text);
  }));

  test('a message written while the model loads is answered after', () => withPage('?model=./slow.gguf', async (page) => {
    await page.getByText('2.5 of 10.0 MB').waitFor();
    await ask(page, 'Hi', false);
    await page.getByText('Waiting for the model').waitFor();
    await open(page, 'load');
    await answered(page);
    assert.match(await lastAnswer(page).innerText(), /Hello there\./);
  }));

  test('HTML is text, in the question and in the answer', () => withPage('', async (page) => {
    await status(page);
    const html = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>bold</b> &amp;';
    await ask(page, `say ${html}`);
    assert.equal(await lastAnswer(page).getByTestId('turn-text').textContent(), html);
    assert.equal(await page.getByTestId('turn-user').getByTestId('turn-text').textContent(), `say ${html}`);
    assert.equal(await page.locator('.turn-text *').count(), 0);
    assert.match(await page.title(), /^bitnet-web/);
  }));

  test('a conversation longer than the context loses its beginning, and says so', () => withPage('', async (page) => {
    await status(page);
    await ask(page, `say ${'x'.repeat(60)}`);
    await ask(page, 'say y');
    const order = () => page.getByTestId('transcript').evaluate((e) => [...e.children].map((child) => /** @type {HTMLElement} */ (child).dataset.testid));
    assert.deepEqual(await order(), ['turn-user', 'turn-assistant', 'beginning', 'turn-user', 'turn-assistant']);
    await ask(page, `say ${'x'.repeat(60)}`);
    await ask(page, 'say z');
    const turn = ['turn-user', 'turn-assistant'];
    assert.deepEqual(await order(), [...turn, ...turn, ...turn, 'beginning', ...turn]);
    assert.deepEqual((await told(page)).answers[1].messages, [{ role: 'user', content: 'say y' }]);
  }));

  test('an error within an answer leaves the model and the page usable', () => withPage('', async (page) => {
    await status(page);
    await ask(page, 'overflow');
    assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'context_overflow');
    await ask(page, 'Hi');
    assert.match(await lastAnswer(page).innerText(), /Hello there\./);
  }));

  test('after a crash the model is loaded again on the same page', () => withPage('', async (page) => {
    await status(page);
    await ask(page, 'crash');
    assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'crashed');
    await status(page, 'empty');
    await page.getByRole('button', { name: 'Load the model again' }).click();
    await status(page);
    await ask(page, 'Hi');
    assert.match(await lastAnswer(page).innerText(), /Hello there\./);
  }));

  test('follows the stream at the end, and leaves a reader alone who went up', () => withPage('', async (page) => {
    await status(page);
    const gap = () => page.locator('#scroller').evaluate((e) => e.scrollHeight - e.scrollTop - e.clientHeight);
    for (let i = 0; i < 12; i++) await ask(page, 'Hi');
    await page.waitForFunction(() => {
      const e = /** @type {HTMLElement} */ (document.querySelector('#scroller'));
      return e.scrollHeight > e.clientHeight && e.scrollHeight - e.scrollTop - e.clientHeight < 2;
    });
    await page.locator('#scroller').hover();
    await page.mouse.wheel(0, -400);
    await page.locator('#to-latest').waitFor();
    await page.evaluate(() => document.querySelector('[data-testid="retry"]')?.dispatchEvent(new MouseEvent('click', { bubbles: true })));
    await answered(page);
    assert.ok(await gap() > 100);
    await page.locator('#to-latest').click();
    await page.waitForFunction(() => {
      const e = /** @type {HTMLElement} */ (document.querySelector('#scroller'));
      return e.scrollHeight - e.scrollTop - e.clientHeight < 2;
    });
    await page.locator('#to-latest').waitFor({ state: 'hidden' });
  }));
});

describe('settings', () => {
  test('sampling takes effect at once and is kept; engine settings load the model again', () => withPage('', async (page) => {
    await status(page);
    await page.getByRole('button', { name: 'Settings', exact: true }).click();
    await page.getByLabel('Temperature').fill('0');
    await page.getByLabel('Longest answer').fill('2');
    await page.getByLabel('Seed').fill('7');
    assert.equal(await page.getByTestId('reload').isVisible(), false);
    await page.getByLabel('Threads').selectOption('1');
    await page.getByLabel('Kernel').selectOption('lut');
    await page.getByLabel('Precision').selectOption('exact');
    await page.getByTestId('reload').click();
    await page.waitForFunction(() => document.querySelector('#info')?.textContent?.includes('1 thread'));
    await ask(page, 'say one two three');
    let { loads, answers } = await told(page);
    assert.deepEqual(loads.map(({ options }) => options), [{ precision: 'fast' }, { precision: 'exact', threads: 1, kernel: 'lut' }]);
    assert.deepEqual(answers[0].options, { temperature: 0, topP: 0.9, seed: 7, maxTokens: 2 });
    assert.match(await lastAnswer(page).innerText(), /Length limit reached/);
    await page.reload();
    await status(page);
    ({ loads, answers } = await told(page));
    assert.deepEqual(loads[0].options, { precision: 'exact', threads: 1, kernel: 'lut' });
  }));

  test('a link sets them for one visit, and sends its prompt', () => withPage('?threads=1&kernel=scalar&temperature=0&cache=no&prompt=Hi', async (page) => {
    await answered(page);
    const { loads, answers } = await told(page);
    assert.deepEqual(loads[0].options, { precision: 'fast', threads: 1, kernel: 'scalar', cache: false });
    assert.deepEqual(answers[0].messages, [{ role: 'user', content: 'Hi' }]);
    assert.equal(answers[0].options.temperature, 0);
    assert.equal(await page.evaluate(() => localStorage.length), 0);
  }));

  test('nonsense in a link is left out', () => withPage('?threads=-3&kernel=magic&temperature=x&context=1', async (page) => {
    await status(page);
    assert.deepEqual((await told(page)).loads[0].options, { precision: 'fast' });
  }));
});

describe('models on this device', () => {
  test('are listed, loaded, deleted and cleared', () => withPage('', async (page) => {
    await status(page);
    await page.evaluate(() => {
      /** @type {any} */ (globalThis).standIn.kept.set('hf:a/b/half.gguf', { source: 'hf:a/b/half.gguf', bytes: 9e8, storedBytes: 3e8, complete: false, lastUsed: Date.now() - 3 * 864e5 });
    });
    await page.getByRole('button', { name: /^Model:/ }).click();
    const cards = page.getByTestId('cached-model');
    await cards.nth(1).waitFor();
    assert.match(await cards.nth(0).innerText(), /Demo model\s+10 MB · used today/);
    assert.match(await cards.nth(1).innerText(), /half\.gguf\s+300 of 900 MB, partial · used 3 days ago/);
    assert.match(await page.getByTestId('storage').innerText(), /20 MB used of the 5 GB/);
    await cards.nth(1).getByRole('button', { name: 'Delete half.gguf' }).click();
    await page.waitForFunction(() => document.querySelectorAll('[data-testid="cached-model"]').length === 1);
    await page.getByTestId('clear-cached').click();
    assert.equal(await cards.count(), 1);
    await page.getByTestId('clear-cached').click();
    await page.getByText('Nothing yet.').waitFor();
  }));

  test('unload gives the memory back, and the page says that there is no model', () => withPage('', async (page) => {
    await status(page);
    await page.getByRole('button', { name: /^Model:/ }).click();
    await page.getByTestId('unload').click();
    await status(page, 'empty');
    assert.equal((await told(page)).unloads, 1);
    await page.getByText('No model is loaded.').waitFor();
  }));
});

describe('safety and access', () => {
  test('the policy stops inline script and foreign frames', async () => {
    const { context, page, complaints } = await openPage(browser, `${server.origin}/`);
    await status(page);
    assert.deepEqual(complaints, []);
    const violated = await page.evaluate(() => new Promise((resolve) => {
      document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
      setTimeout(resolve, 5000, 'none');
      const script = document.createElement('script');
      script.textContent = 'document.title = "inline"';
      document.head.append(script);
    }));
    assert.equal(violated, 'script-src-elem');
    assert.notEqual(await page.title(), 'inline');
    await context.close();
  });

  test('every control has a name, and the keyboard reaches the message box from the top', () => withPage('', async (page) => {
    await status(page);
    for (const opener of [null, '#open-settings', '#open-models']) {
      if (opener) await page.locator(opener).click();
      const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select, textarea, a')]
        .filter((e) => e.checkVisibility() && e.getAttribute('aria-hidden') !== 'true')
        .filter((e) => !(e.getAttribute('aria-label') || e.textContent?.trim() || /** @type {HTMLInputElement} */ (e).labels?.length))
        .map((e) => e.outerHTML));
      assert.deepEqual(nameless, []);
      if (opener) await page.keyboard.press('Escape');
    }
    await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'prompt');
  }));

  test('fits a phone: nothing sticks out, and inputs are large enough not to be zoomed', () => withPage('?model=./a-long-name-of-a-model-file-in-some-format.gguf', async (page) => {
    await status(page);
    await ask(page, `say ${'unbroken'.repeat(12)}`);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
    assert.equal(await page.locator('#scroller').evaluate((e) => e.scrollWidth - e.clientWidth), 0);
    const right = await page.locator('#open-settings').evaluate((e) => e.getBoundingClientRect().right);
    assert.ok(right <= 320, `the header ends at ${right}`);
    for (const opener of ['#open-settings', '#open-models']) {
      await page.locator(opener).click();
      const small = await page.evaluate(() => [...document.querySelectorAll('input:not([type="range"]), select, textarea')]
        .filter((e) => e.checkVisibility() && parseFloat(getComputedStyle(e).fontSize) < 16).map((e) => e.id));
      assert.deepEqual(small, []);
      assert.equal(await page.locator('dialog[open] .sheet-body').evaluate((e) => e.scrollWidth - e.clientWidth), 0);
      await page.keyboard.press('Escape');
    }
  }, { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true }));
});

describe('a host without isolation headers', () => {
  /** @type {RunningServer} */
  let plain;
  before(async () => { plain = await startPage({ isolated: false }); });
  after(() => plain?.close());

  test('is isolated by the service worker, with one reload, and opens without a network', () => withPage('', async (page) => {
    await page.waitForFunction(() => self.crossOriginIsolated && document.body.dataset.status === 'ready');
    assert.equal(plain.requests.filter(({ path }) => path === '/').length, 2);
    await ask(page, 'Hi');
    await page.reload();
    await status(page);
    assert.equal(plain.requests.filter(({ path }) => path === '/').length, 3);
    await page.context().setOffline(true);
    await page.reload();
    await status(page);
    assert.equal(await page.evaluate(() => self.crossOriginIsolated), true);
    await ask(page, 'Hi');
    assert.match(await lastAnswer(page).innerText(), /Hello there\./);
  }, { origin: plain.origin }));

  for (const [name, search, options] of /** @type {const} */ ([
    ['without service workers', '', { serviceWorkers: 'block' }],
    ['when the link asks for it', '?isolate=no', {}],
  ])) {
    test(`stays as it is ${name}: one thread, and it says so`, () => withPage(search, async (page) => {
      await status(page);
      assert.equal(await page.evaluate(() => self.crossOriginIsolated), false);
      assert.match(await page.getByTestId('info').innerText(), /1 thread .*not isolated/s);
      await ask(page, 'Hi');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
    }, { origin: plain.origin, ...options }));
  }
});

describe('the benchmark page', () => {
  test('measures, draws, compares the kernels and gives JSON', () => withPage('bench.html', async (page) => {
    await page.getByTestId('start').click();
    await page.getByText('Done', { exact: true }).waitFor();
    const result = JSON.parse(await page.getByTestId('json').innerText());
    assert.equal(result.model.architecture, 'bitnet-b1.58');
    assert.equal(result.decode.tokensPerSecond > 0, true);
    assert.deepEqual(result.prompts.map((/** @type {{ prefillPerSecond: { median: number } }} */ p) => p.prefillPerSecond.median), [400, 400, 400].slice(0, result.prompts.length));
    assert.deepEqual(result.kernels.map((/** @type {{ kernel: string }} */ k) => k.kernel), ['relaxed', 'mad', 'lut', 'scalar']);
    await page.getByText('All of them compute the same: logits hash 0123456789abcdef.').waitFor();
    assert.equal(await page.locator('#over-time-chart svg polyline').count(), 1);
    assert.equal(await page.locator('#kernels-chart svg rect').count(), 4);
    const { loads, unloads } = await told(page);
    assert.equal(unloads, loads.length);
  }));

  test('stops when asked, and can start again', () => withPage('bench.html?model=./slow.gguf', async (page) => {
    await page.getByTestId('start').click();
    await page.getByText('Loading the model').waitFor();
    await page.getByTestId('stop').click();
    await page.getByText('Stopped', { exact: true }).waitFor();
    await open(page, 'load');
    await page.getByTestId('compare').uncheck();
    await page.getByTestId('start').click();
    await page.getByText('Done', { exact: true }).waitFor();
  }));

  test('shows the error of a bad address', () => withPage('bench.html?model=./missing.gguf', async (page) => {
    await page.getByTestId('start').click();
    await page.getByTestId('error').waitFor();
    assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'not_found');
    assert.equal(await page.getByTestId('start').isVisible(), true);
  }));
});
