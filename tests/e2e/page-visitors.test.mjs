// Visitors with bad habits: they click twice, go back, drop the wrong things, and their browsers keep nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answered, ask, lastAnswer, open, status, told, usePages } from './pages.mjs';

/** @import { Page } from 'playwright-core' */

const { withPage } = usePages();

/** @param {Page} page */
function answers(page) {
  return page.getByTestId('turn-assistant').getByTestId('turn-text').allInnerTexts();
}

/** @param {Page} page */
function sidewards(page) {
  return page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
}

/**
 * Drops things on the page.
 * @param {Page} page
 * @param {{ name: string, folder?: boolean }[]} things
 */
function drop(page, things) {
  return page.evaluate((all) => {
    const data = new DataTransfer();
    for (const { name } of all) data.items.add(new File(['x'], name));
    DataTransferItem.prototype.webkitGetAsEntry = () => /** @type {any} */ ({ isDirectory: all[0].folder });
    const event = new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true });
    document.dispatchEvent(event);
  }, things);
}

describe('a visitor', () => {
  test('who clicks everything twice asks once', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByTestId('example').first().dblclick();
      await answered(page);
      assert.equal((await told(page)).answers.length, 1);
      await page.getByTestId('prompt').fill('say WAIT more');
      await page.getByTestId('send').dblclick();
      await page.waitForTimeout(50);
      assert.equal(await page.getByTestId('turn-user').count(), 2);
      await open(page, 'more');
      await answered(page);
      await page.getByTestId('retry').dblclick();
      await answered(page);
      await page.locator('#new-chat').dblclick();
      await page.goBack();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="turn-user"]').length === 2);
      for (const opener of ['#open-models', '#open-settings', '#privacy-chip']) {
        await page.locator(opener).dblclick();
        await page.keyboard.press('Escape');
        await page.waitForFunction(() => !document.querySelector('dialog[open]') && !history.state?.dialog);
      }
    }));

  test('who deletes, goes back and forth, or starts anew while an answer is written loses nothing else', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say kept');
      await page.locator('#new-chat').click();
      await ask(page, 'say one WAIT two', false);
      await page.getByTestId('turn-assistant').getByText('one').waitFor();
      await page.getByTestId('delete-chat').first().click();
      await page.getByTestId('undo').click();
      await page.waitForFunction(() => document.querySelector('[data-testid="turn-assistant"]')?.getAttribute('data-state') === 'stopped');
      assert.deepEqual(await answers(page), ['one']);
      await ask(page, 'say three WAIT four', false);
      await page.getByTestId('turn-assistant').getByText('three').waitFor();
      await page.goBack();
      await page.goForward();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="turn-assistant"]').length === 2);
      await open(page, 'more');
      await page.waitForFunction(() => document.querySelector('[data-testid="turn-assistant"]:last-child')?.getAttribute('aria-busy') === 'false');
      assert.match((await answers(page))[1], /^three/);
      await ask(page, 'say five');
      assert.equal((await answers(page)).at(-1), 'five');
    }));

  test('who drops a picture, a folder or two files at once is told what to do', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say one WAIT two', false);
      await page.getByTestId('turn-assistant').getByText('one').waitFor();
      for (const things of [[{ name: 'models', folder: true }], [{ name: 'bad.png' }], [{ name: 'a.gguf' }, { name: 'b.gguf' }], [{ name: 'bad.json' }]]) {
        await drop(page, things);
        await page.locator('.notice').waitFor();
        assert.match(await page.locator('.notice').innerText(), things[0].name === 'bad.json' ? /not a JSON file/ : /GGUF/, things[0].name);
        await page.getByTestId('dismiss').click();
      }
      await open(page, 'more');
      await answered(page);
      assert.deepEqual(await answers(page), ['one WAIT two'], 'the model in use stays, and goes on writing');
      assert.equal((await told(page)).loads.length, 1);
      await drop(page, [{ name: 'bad.png' }]);
      await page.locator('.notice').waitFor();
      await ask(page, 'say on');
      assert.equal(await page.locator('.notice').count(), 0, 'the error goes with the next question');
    }));

  test('who pastes a book, words without end, emoji, another direction or HTML gets it back as it is', () =>
    withPage('', async (page) => {
      await status(page);
      const texts = ['W'.repeat(150), '👩🏽‍🚀'.repeat(20), 'שלום עולם '.repeat(6).trim(), '<img src=x onerror=alert(1)><h1>no</h1>'];
      for (const text of texts) {
        await page.locator('#new-chat').click();
        await ask(page, `say ${text}`);
        assert.equal((await answers(page)).at(-1)?.replace(/\s/g, ''), text.replace(/\s/g, ''));
        assert.equal(await sidewards(page), 0, text.slice(0, 10));
      }
      assert.equal(await page.locator('#transcript img, #transcript h1, #side img').count(), 0);
      // As a paste does it; typed, so many lines take minutes.
      await page.getByTestId('prompt').evaluate((box) => {
        /** @type {HTMLTextAreaElement} */ (box).value = 'A line of a long book.\n'.repeat(9000);
        box.dispatchEvent(new Event('input', { bubbles: true }));
      });
      await page.getByTestId('meter-text').getByText('Too long for this model').waitFor();
      const box = await page.getByTestId('composer-error').evaluate((error) => error.parentElement?.getBoundingClientRect().height);
      assert.ok((box ?? 0) < 500, 'the conversation is still in sight');
      await page.getByTestId('prompt').fill('');
      await page.locator('#open-settings').click();
      await page.locator('#system').fill('Be brief. '.repeat(1000));
      await page.keyboard.press('Escape');
      await page.getByTestId('meter-text').getByText('Context full').waitFor();
    }, { viewport: { width: 360, height: 640 } }));

  test('who turns the phone keeps the place and the open dialog', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'long 30');
      await page.locator('#open-settings').click();
      await page.setViewportSize({ width: 800, height: 360 });
      assert.equal(await page.locator('#settings').isVisible(), true);
      assert.equal(await sidewards(page), 0);
      await page.keyboard.press('Escape');
      await page.setViewportSize({ width: 360, height: 800 });
      const end = await lastAnswer(page).locator('.turn-foot').boundingBox();
      assert.ok(end && end.y < 800, 'the end of the answer is in sight');
      await page.getByRole('button', { name: 'Conversations' }).click();
      await page.setViewportSize({ width: 1280, height: 800 });
      await page.waitForFunction(() => !document.querySelector('dialog[open]') && !history.state?.dialog);
      assert.equal(await page.getByTestId('chat-item').count(), 1);
    }, { viewport: { width: 360, height: 800 } }));

  test('who renames to nothing, or to HTML, gets what was meant', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say apples');
      const rename = async (/** @type {string} */ title) => {
        await page.getByTestId('rename-chat').click();
        await page.getByTestId('chat-title').fill(title);
        await page.keyboard.press('Enter');
        await page.getByTestId('chat-title').waitFor({ state: 'detached' });
      };
      await rename('   ');
      assert.equal(await page.locator('.chat-title').innerText(), 'say apples');
      await rename('<b>bold</b>');
      await page.getByText('<b>bold</b>').first().waitFor();
      await rename('x'.repeat(5000));
      await page.waitForFunction(() => document.querySelector('.chat-title')?.textContent?.startsWith('xxx'));
      assert.equal(await sidewards(page), 0);
      const height = await page.getByTestId('conversation-title').evaluate((title) => title.clientHeight);
      assert.ok(height < 200, `a title of ${height} pixels`);
    }));
});

describe('a browser', () => {
  test('that keeps nothing still talks, and says so once', () =>
    withPage('', async (page) => {
      await page.addInitScript(() => {
        const refuse = () => {
          throw new DOMException('refused', 'SecurityError');
        };
        Object.defineProperty(globalThis, 'indexedDB', { get: refuse });
        Object.defineProperty(globalThis, 'localStorage', { get: refuse });
        Object.defineProperty(globalThis, 'sessionStorage', { get: refuse });
      });
      await page.goto(new URL('./', page.url()).href);
      await status(page);
      await page.getByText('This browser gives no storage here').waitFor();
      await ask(page, 'say one');
      await ask(page, 'say two');
      assert.deepEqual(await answers(page), ['one', 'two']);
      assert.equal(await page.getByText('The browser did not store the conversation').count(), 1);
    }));

  test('whose storage is full keeps the conversation on the page', () =>
    withPage('', async (page) => {
      await status(page);
      await page.evaluate(() => {
        IDBObjectStore.prototype.put = () => {
          throw new DOMException('full', 'QuotaExceededError');
        };
      });
      await ask(page, 'say one');
      await page.getByText('The browser did not store the conversation').waitFor();
      await ask(page, 'say two');
      assert.deepEqual(await answers(page), ['one', 'two']);
    }));

  test('with nonsense in its storage, or a link with nonsense, shows the page all the same', () =>
    withPage('', async (page) => {
      await page.evaluate(() => {
        for (const [name, value] of Object.entries({
          'bitnet-web.settings.1': '{"kernel":["auto"],"temperature":"hot","threads":{"a":1},"maxTokens":1e99}',
          'bitnet-web.language': '../../x',
          'bitnet-web.draft.new': 'x',
          'bitnet-web.runs': '[[[',
        }))
          localStorage.setItem(name, value);
        sessionStorage.setItem('bitnet-web.open-conversation', '%%%');
      });
      const nonsense = 'threads=abc&kernel=&precision=%00&context=-1&temperature=NaN&topP=99&maxTokens=1e9&seed=x&prompt=#c=%E0%A4%A';
      await page.goto(new URL(`./?${nonsense}`, page.url()).href);
      await status(page);
      await ask(page, 'say one');
      assert.deepEqual(await answers(page), ['one']);
      const { loads, answers: asked } = await told(page);
      assert.deepEqual({ ...loads[0].options }, { precision: 'fast' });
      assert.deepEqual([asked[0].options.temperature, asked[0].options.topP], [0.3, 0.9]);
      for (const name of ['bench.html', 'lanes.html']) {
        await page.goto(new URL(`./${name}?${nonsense}`, page.url()).href);
        await page.getByTestId('start').waitFor();
        assert.equal(await page.getByTestId('start').isEnabled(), true, name);
      }
    }));
});

test('every dialog takes the focus, keeps it and gives it back', () =>
  withPage('', async (page) => {
    await status(page);
    await ask(page, 'say one');
    const within = (/** @type {string} */ id) => page.evaluate((name) => document.activeElement?.closest('dialog')?.id === name || document.activeElement === document.body, id);
    const opened = /** @type {const} */ ([['models', '#open-models'], ['settings', '#open-settings'], ['privacy', '#privacy-chip'], ['chats', '#open-chats'], ['details', '[data-testid="details"]']]);
    for (const [id, opener] of opened) {
      await page.locator(opener).focus();
      await page.keyboard.press('Enter');
      await page.locator(`#${id}[open]`).waitFor();
      assert.equal(await page.evaluate((name) => document.activeElement?.closest('dialog')?.id === name, id), true, `${id}: goes in`);
      const stops = await page.locator(`#${id}`).evaluate((dialog) => dialog.querySelectorAll('button, input, select, textarea, a, [tabindex]').length);
      for (let i = 0; i < Math.min(stops, 40) + 2; i++) {
        await page.keyboard.press(i % 2 ? 'Tab' : 'Shift+Tab');
        assert.equal(await within(id), true, `${id}: is kept, at ${i}`);
        if (i % 2) await page.keyboard.press('Tab');
      }
      await page.keyboard.press('Escape');
      await page.waitForFunction(() => !document.querySelector('dialog[open]') && !history.state?.dialog);
      assert.equal(await page.evaluate((selector) => document.activeElement?.matches(selector), opener), true, `${id}: is given back`);
    }
    // One over another: Escape and Back close the upper one alone.
    await page.locator('#open-chats').click();
    await page.locator('#open-shortcuts').click();
    await page.locator('#shortcuts[open]').waitFor();
    await page.goBack();
    await page.waitForFunction(() => !document.querySelector('#shortcuts[open]'));
    assert.equal(await page.locator('#chats[open]').count(), 1);
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'open-shortcuts');
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => !document.querySelector('dialog[open]') && !history.state?.dialog);
    assert.deepEqual(await answers(page), ['one']);
  }, { viewport: { width: 800, height: 800 } }));

test('the benchmark and Side by side lead to each other and to the chat at every width', async () => {
  for (const width of [320, 360, 768, 1440])
    await withPage('bench.html', async (page) => {
      for (const [name, other] of [['bench.html', 'lanes.html'], ['lanes.html', 'bench.html']]) {
        await page.goto(new URL(name, page.url()).href);
        for (const href of [`./${other}`, './']) {
          const box = await page.locator(`.bar-actions a[href="${href}"]`).boundingBox();
          assert.ok(box && box.x >= 0 && box.x + box.width <= width, `${href} in ${name} at ${width}`);
        }
        assert.equal(await sidewards(page), 0, `${name} at ${width}`);
      }
    }, { viewport: { width, height: 640 }, locale: width === 320 ? 'de-DE' : 'en' });
});

test('numbers are written as the language has them', () =>
  withPage('?model=./slow.gguf', async (page) => {
    await page.getByText('2,5 von 10,0 MB').waitFor();
    await open(page, 'load');
    await status(page);
    await ask(page, 'Hallo');
    assert.match(await lastAnswer(page).innerText(), /41,3 tok\/s/);
  }, { locale: 'de-DE' }));

test('tables keep their words whole, lists their boxes, and a growing answer its end', () =>
  withPage('', async (page) => {
    await status(page);
    await ask(page, 'say - [x] done\n- [ ] open\n\n| Parameters | Measurement | Description | Alternatives |\n|-|-|-|-|\n| a | b | c | d |');
    assert.deepEqual(await lastAnswer(page).locator('li').allTextContents(), ['☑ done', '☐ open']);
    const heights = await lastAnswer(page).locator('th').evaluateAll((cells) => cells.map((cell) => cell.clientHeight));
    assert.ok(Math.max(...heights) < 60, `${heights}`);
    assert.equal(await sidewards(page), 0);
    for (const [text, place] of [['```js\nconst a = 1', 'pre code'], ['- a\n- b', 'li:last-child'], ['> a', 'blockquote > p'], ['a', '.turn-text > p']]) {
      await page.locator('#new-chat').click();
      await ask(page, `say ${text} WAIT`, false);
      const element = lastAnswer(page).locator(place);
      await element.waitFor();
      assert.notEqual(await element.evaluate((e) => getComputedStyle(e, '::after').width), 'auto', place);
      assert.equal(await lastAnswer(page).locator('*').evaluateAll((all) => all.filter((e) => getComputedStyle(e, '::after').content === '""').length), 1, place);
      await page.keyboard.press('Escape');
    }
  }, { viewport: { width: 360, height: 640 } }));
