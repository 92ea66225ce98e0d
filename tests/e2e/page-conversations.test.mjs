// Conversations: kept through everything that can happen to a page, found, changed, taken out and in.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';

import { Conversation } from '../../www/app/conversation.js';
import { parseFile } from '../../www/app/conversation-store.js';
import { answered, ask, lastAnswer, open, status, told, usePages } from './pages.mjs';

/** @import { Page } from 'playwright-core' */

const { withPage, server } = usePages();

/** @param {Page} page */
function answers(page) {
  return page.getByTestId('turn-assistant').getByTestId('turn-text').allInnerTexts();
}

test('what comes from a file is checked, and what its turns lack is made up for', () => {
  const head = { id: 'c', title: 'T' };
  const turn = (/** @type {string} */ id, /** @type {unknown} */ parent, more = {}) => ({ id, parent, role: 'user', content: id, ...more });
  const file = (/** @type {unknown[]} */ turns, /** @type {unknown} */ of = head) => JSON.stringify({ format: 'bitnet-web.conversations.1', conversations: [{ head: of, turns }] });
  for (const [bad, key] of /** @type {const} */ ([
    ['', 'import.notJson'],
    ['{"format":"chat"}', 'import.notOurs'],
    ['[{"title":"of another program","mapping":{}}]', 'import.notOurs'],
    [file([], null), 'import.conversation'],
    [file([null]), 'import.turn'],
    [file([turn('a', null, { role: 'system' })]), 'import.turn'],
    [file([turn('a', 'b'), turn('b', 'a')]), 'import.turn'],
    [file([turn('a', 'a')]), 'import.turn'],
  ]))
    assert.throws(() => parseFile(bad), { key }, bad);
  const odd = { title: { a: 1 }, created: 'x', chosen: null };
  const stats = { completionTokens: 3, decodePerSecond: 'fast', seed: 1, finishReason: 'odd' };
  const [{ head: read, turns }] = parseFile(file([turn('a', 'lost'), turn('b', 'a', { role: 'assistant', stats, error: 1 }), turn('c', 'b', { stats: {} })], { ...head, ...odd }));
  assert.equal(read.title, '');
  assert.equal(Number.isFinite(read.created), true);
  assert.deepEqual(turns.map((one) => one.stats), [null, { completionTokens: 3, promptTokens: null, cachedTokens: null, firstTokenMs: null, prefillPerSecond: null, decodePerSecond: null, seed: 1, finishReason: null }, null]);
  const conversation = new Conversation(read);
  for (const one of turns) conversation.turns.set(one.id, one);
  assert.deepEqual(conversation.path().map(({ id }) => id), ['a', 'b', 'c'], 'also where the turn before the first is lost');
});

/** @param {Page} page */
function titles(page) {
  return page.locator('.chat-title').allInnerTexts();
}

describe('conversations are kept', () => {
  test('through reload, the benchmark, New chat and Back, with the draft', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say first');
      await ask(page, 'say second');
      await page.getByTestId('prompt').fill('half a thought');
      await page.reload();
      await status(page);
      assert.deepEqual(await answers(page), ['first', 'second']);
      assert.equal(await page.getByTestId('prompt').inputValue(), 'half a thought');
      assert.equal(await page.getByTestId('conversation-title').innerText(), 'say first');

      await page.goto(new URL('bench.html', page.url()).href);
      await page.goto(new URL('./', page.url()).href);
      await status(page);
      assert.deepEqual(await answers(page), ['first', 'second']);
      assert.equal(await page.getByTestId('prompt').inputValue(), 'half a thought');

      await page.getByRole('button', { name: 'New chat' }).click();
      assert.deepEqual(await answers(page), []);
      assert.equal(await page.getByTestId('prompt').inputValue(), '');
      await page.goBack();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="turn-assistant"]').length === 2);
      assert.equal(await page.getByTestId('prompt').inputValue(), 'half a thought');
      // The model is given what was said before the reload.
      await ask(page, 'Hi');
      assert.equal((await told(page)).answers.at(-1)?.messages.length, 5);
    }));

  test('the draft of a new chat too', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByTestId('prompt').fill('not sent');
      await page.reload();
      await status(page);
      assert.equal(await page.getByTestId('prompt').inputValue(), 'not sent');
    }));

  test('what has come of an answer is there after a crash, and can be gone on with', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say one two WAIT three', false);
      // The question has these words as well.
      await lastAnswer(page).getByText('one two').waitFor();
      await page.evaluate(() => window.dispatchEvent(new Event('pagehide')));
      const { context, url } = { context: page.context(), url: page.url() };
      const again = await context.newPage();
      await again.goto(url);
      await status(again);
      assert.equal(await lastAnswer(again).getAttribute('data-state'), 'streaming');
      // No goodbye: the tab is gone.
      await page.close();
      await again.waitForSelector('[data-testid="turn-assistant"]:last-child[data-state="stopped"]');
      assert.match((await answers(again))[0], /^one two/);
      await again.getByTestId('continue').click();
      await again.waitForSelector('[data-testid="turn-assistant"]:last-child[aria-busy="false"]');
      const { messages, options } = (await told(again)).answers[0];
      assert.equal(messages.at(-1)?.role, 'assistant');
      assert.equal(options.continueFinalMessage, true);
    }));

  test('what another tab has begun, and has no word of yet, is not begun here too', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say WAIT later', false);
      while ((await told(page)).answers.length === 0);
      const other = await page.context().newPage();
      await other.goto(page.url());
      await status(other);
      await lastAnswer(other).waitFor();
      assert.deepEqual((await told(other)).answers, []);
      await open(page, 'more');
      await answered(page);
      await other.waitForSelector('[data-testid="turn-assistant"]:last-child[data-state="done"]');
      assert.deepEqual(await answers(other), ['WAIT later']);
      assert.deepEqual((await told(other)).answers, []);
    }));

  test('a question that waited for the model is answered after a reload', () =>
    withPage('?model=./slow.gguf', async (page) => {
      await ask(page, 'Hi', false);
      await page.getByText('Waiting for the model').waitFor();
      await page.reload();
      await page.getByText('Waiting for the model').waitFor();
      await open(page, 'load');
      await answered(page);
      assert.deepEqual(await answers(page), ['Hello there.']);
    }));

  test('two tabs write to one conversation, and nothing of either is lost', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say begin');
      const other = await page.context().newPage();
      await other.goto(page.url());
      await status(other);
      assert.deepEqual(await answers(other), ['begin']);
      // Both answers stand beside each other, after the same turn.
      await ask(page, 'say here WAIT', false);
      await page.getByText('here', { exact: true }).waitFor();
      await other.evaluate(() => navigator.locks.query());
      await open(page, 'more');
      await answered(page);
      await other.waitForFunction(() => document.querySelectorAll('[data-testid="turn-assistant"]').length === 2);
      assert.deepEqual(await answers(other), ['begin', 'here WAIT']);
      await Promise.all([ask(page, 'say left'), ask(other, 'say right')]);
      await page.reload();
      await status(page);
      const version = page.getByTestId('turn-user').last().getByTestId('version');
      assert.match(await version.innerText(), /[12]\/2/);
      const one = (await answers(page)).at(-1);
      await page.getByTestId('turn-user').last().hover();
      const step = (await version.innerText()) === '1/2' ? 'version-after' : 'version-before';
      await page.getByTestId('turn-user').last().getByTestId(step).click();
      assert.deepEqual([one, (await answers(page)).at(-1)].sort(), ['left', 'right']);
    }));

  test('one that was deleted in another tab is written down whole when it goes on here', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say first');
      const other = await page.context().newPage();
      await other.goto(page.url());
      await status(other);
      await other.getByTestId('delete-chat').click();
      await other.getByTestId('undo').waitFor();
      await page.waitForFunction(() => document.querySelectorAll('.chat-item').length === 0);
      await ask(page, 'say second');
      await page.reload();
      await status(page);
      assert.deepEqual(await answers(page), ['first', 'second']);
    }));

  test('a temporary chat is never written down', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByRole('button', { name: 'Temporary chat' }).click();
      assert.equal(await page.getByTestId('temporary-note').isVisible(), true);
      await ask(page, 'say secret');
      await page.getByTestId('prompt').fill('another secret');
      const kept = await page.evaluate(async () => {
        const databases = await indexedDB.databases();
        const texts = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage })];
        for (const { name } of databases) {
          const database = await new Promise((resolve) => {
            const request = indexedDB.open(name ?? '');
            request.onsuccess = () => resolve(request.result);
          });
          for (const store of database.objectStoreNames)
            texts.push(JSON.stringify(await new Promise((resolve) => {
              const request = database.transaction(store).objectStore(store).getAll();
              request.onsuccess = () => resolve(request.result);
            })));
        }
        return texts.join();
      });
      assert.doesNotMatch(kept, /secret/);
      await page.reload();
      await status(page);
      assert.deepEqual(await answers(page), []);
    }));
});

describe('the list of conversations', () => {
  test('opens, searches, renames, deletes and brings back', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say apples');
      await page.getByRole('button', { name: 'New chat' }).click();
      await ask(page, 'say pears');
      assert.deepEqual(await titles(page), ['say pears', 'say apples']);
      await page.getByTestId('chat-search').fill('apples');
      await page.waitForFunction(() => document.querySelectorAll('.chat-item').length === 1);
      await page.locator('.chat-open').click();
      await page.waitForFunction(() => document.querySelector('.turn-text')?.textContent === 'say apples');
      await page.getByTestId('chat-search').fill('');
      await page.waitForFunction(() => document.querySelectorAll('.chat-item').length === 2);

      await page.getByRole('button', { name: 'Rename say apples' }).click();
      await page.getByTestId('chat-title').fill('Fruit');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.querySelector('#conversation-title')?.textContent === 'Fruit');
      await page.reload();
      await status(page);
      assert.ok((await titles(page)).includes('Fruit'));
      await ask(page, 'say more');
      assert.ok((await titles(page)).includes('Fruit'), 'a given name stays');

      await page.getByRole('button', { name: 'Delete Fruit' }).click();
      await page.getByText('“Fruit” was deleted.').waitFor();
      assert.deepEqual(await titles(page), ['say pears']);
      assert.deepEqual(await answers(page), []);
      await page.getByTestId('undo').click();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="turn-assistant"]').length === 2);
      assert.deepEqual(await answers(page), ['apples', 'more']);
    }));

  test('goes to a file and comes back from it, and a damaged file changes nothing', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say **bold** words');
      const [all] = await Promise.all([page.waitForEvent('download'), page.getByTestId('export-chats').click()]);
      const file = await readFile(await all.path(), 'utf8');
      const [markdown] = await Promise.all([page.waitForEvent('download'), page.getByTestId('markdown-chat').click()]);
      assert.match(await readFile(await markdown.path(), 'utf8'), /^# say \*\*bold\*\* words\n\n## user\n\nsay \*\*bold\*\* words\n\n## assistant\n\n\*\*bold\*\* words\n/);
      await page.getByTestId('delete-chat').click();
      await page.getByTestId('undo').waitFor();
      assert.deepEqual(await titles(page), []);
      const take = (/** @type {string} */ text) =>
        page.getByTestId('import-file').setInputFiles({ name: 'chats.json', mimeType: 'application/json', buffer: Buffer.from(text) });
      for (const bad of ['{', '{}', 'null', '[]', file.replace('conversations.1', 'conversations.9'), file.replace('"content"', '"c"')]) {
        await take(bad);
        await page.getByText('chats.json could not be imported').first().waitFor();
        await page.getByTestId('dismiss').last().click();
        assert.deepEqual(await titles(page), [], bad.slice(0, 40));
      }
      await take(file);
      await page.locator('.chat-open').click();
      await page.waitForFunction(() => document.querySelectorAll('[data-testid="turn-assistant"]').length === 1);
      assert.deepEqual(await answers(page), ['bold words']);
      await take(file);
      await page.getByText('1 conversation was imported.').first().waitFor();
      assert.equal((await titles(page)).length, 1, 'twice is once');
    }));

  test('says in the open dialog what was done there, and takes it back from there', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say apples');
      await page.locator('#new-chat').click();
      await ask(page, 'say pears');
      await page.getByRole('button', { name: 'Conversations' }).click();
      // Nothing hovers over a touch screen: the buttons of every conversation are there.
      await page.getByRole('button', { name: 'Delete say apples' }).click();
      await page.locator('#chats [data-testid="undo"]').waitFor();
      assert.equal(await page.evaluate(() => document.activeElement?.closest('[data-id]') !== null), true, 'the next conversation has the focus');
      await page.getByTestId('undo').click();
      await page.waitForFunction(() => document.querySelectorAll('.chat-item').length === 2);
      await page.getByTestId('import-file').setInputFiles({ name: 'a.json', mimeType: 'application/json', buffer: Buffer.from('{') });
      await page.locator('#chats').getByText('a.json could not be imported. It is not a JSON file.').waitFor();
      await page.keyboard.press('Escape');
      await page.locator('.dock [data-testid="notice"]').waitFor();
    }, { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true }));

  test('is a dialog on a phone, which Back closes', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say one');
      const before = page.url();
      await page.getByRole('button', { name: 'Conversations' }).click();
      await page.locator('#chats[open]').waitFor();
      await page.goBack();
      await page.locator('#chats[open]').waitFor({ state: 'detached' }).catch(() => {});
      assert.equal(await page.locator('#chats').isVisible(), false);
      assert.equal(page.url(), before, 'the page stays');
      assert.deepEqual(await answers(page), ['one']);
      for (const opener of ['#open-models', '#open-settings', '#privacy-chip']) {
        await page.locator(opener).click();
        await page.locator('dialog[open]').waitFor();
        await page.keyboard.press('Escape');
        await page.waitForFunction(() => !history.state?.dialog);
        assert.equal(await page.locator('dialog[open]').count(), 0);
      }
      assert.deepEqual(await answers(page), ['one']);
    }, { viewport: { width: 360, height: 640 } }));
});

describe('turns', () => {
  test('a question is asked in other words, and both versions stay', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say old');
      await ask(page, 'say after');
      await page.getByTestId('turn-user').first().hover();
      await page.getByTestId('edit').first().click();
      await page.getByTestId('edit-box').fill('say new');
      await page.keyboard.press('Enter');
      await answered(page);
      assert.deepEqual(await answers(page), ['new']);
      await page.reload();
      await status(page);
      assert.deepEqual(await answers(page), ['new']);
      await page.getByTestId('turn-user').first().hover();
      await page.getByTestId('version-before').click();
      assert.deepEqual(await answers(page), ['old', 'after']);
    }));

  test('an answer that reached its limit goes on where it ended', () =>
    withPage('?maxTokens=2', async (page) => {
      await status(page);
      await ask(page, 'say one two three four');
      assert.match(await lastAnswer(page).innerText(), /Length limit reached/);
      await page.getByTestId('continue').click();
      await answered(page);
      const { answers: asked } = await told(page);
      assert.deepEqual(asked[1].messages.at(-1), { role: 'assistant', content: 'one two ' });
    }));

  test('a message that is too long for the model comes back to the box', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'overflow', false);
      await page.getByTestId('composer-error').getByText('The message is too long').waitFor();
      assert.equal(await page.getByTestId('prompt').inputValue(), 'overflow');
      assert.equal(await page.getByTestId('turn-user').count(), 0);
      await page.getByTestId('prompt').fill('Hi');
      assert.equal(await page.getByTestId('composer-error').innerText(), '');
    }));

  test('each turn is counted once', () =>
    withPage('', async (page) => {
      await status(page);
      await page.evaluate(() => /** @type {any} */ (globalThis).standIn.countTokenized());
      for (let i = 0; i < 6; i++) await ask(page, `say ${i}`);
      const texts = await page.evaluate(() => /** @type {any} */ (globalThis).standIn.tokenized);
      // The draft of a slow typist is counted too, for the meter.
      for (const [text, most] of /** @type {[string, number][]} */ ([['0', 1], ['3', 1], ['say 0', 2], ['say 3', 2]]))
        assert.ok(texts.filter((/** @type {string} */ one) => one === text).length <= most, text);
      assert.ok(texts.every((/** @type {string} */ one) => !/say.*assistant/s.test(one)), 'and never the whole conversation');
    }));

  test('a system prompt belongs to its conversation', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say a');
      await page.locator('#open-settings').click();
      await page.getByTestId('preset').selectOption('brief');
      await page.keyboard.press('Escape');
      await ask(page, 'say b');
      const { answers: asked } = await told(page);
      assert.equal(asked[1].messages[0].role, 'system');
      await page.getByRole('button', { name: 'New chat' }).click();
      await ask(page, 'say c');
      assert.equal((await told(page)).answers[2].messages[0].role, 'user');
    }));
});

describe('what a model writes', () => {
  test('is Markdown: blocks that do not change keep their elements, links send no referrer, images are not loaded', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say # Head\n\n- one\n- two\n\nWAIT ![c](https://x.org/cat) [b](javascript:0)', false);
      await page.locator('.turn-text ul').waitFor();
      await page.evaluate(() => Object.assign(globalThis, { heading: document.querySelector('.turn.assistant h3') }));
      await open(page, 'more');
      await answered(page);
      assert.equal(await page.evaluate(() => /** @type {any} */ (globalThis).heading.isConnected), true);
      const links = () => page.locator('.turn-text a').evaluateAll((all) => all.map((a) => [a.getAttribute('href'), a.getAttribute('rel'), a.getAttribute('referrerpolicy')]));
      assert.deepEqual(await links(), [['https://x.org/cat', 'noopener noreferrer nofollow', 'no-referrer']]);
      assert.equal(await page.locator('.turn-text img').count(), 0);
      await page.getByRole('button', { name: 'New chat' }).click();
      await ask(page, 'say ```js\nconst a = 1;\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |');
      await page.locator('.turn-text pre .hljs-keyword').waitFor();
      assert.equal(await page.locator('.turn-text pre code').textContent(), 'const a = 1;');
      assert.equal(await page.locator('.turn-text td').nth(1).getAttribute('class'), 'align-right');
      assert.deepEqual(server().requests.filter(({ path }) => path === '/cat'), []);
    }));

  test('lets go of a reader who scrolls up, at the first notch', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'long 60');
      await page.evaluate(() => Object.assign(/** @type {any} */ (globalThis).standIn, { pause: 20 }));
      await page.getByRole('button', { name: 'New chat' }).click();
      await ask(page, 'long 170', false);
      await page.getByText('more').nth(40).waitFor();
      await page.locator('#scroller').hover();
      let undone = 0;
      for (let i = 0; i < 6; i++) {
        await page.mouse.wheel(0, -60);
        await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
        const top = await page.locator('#scroller').evaluate((e) => e.scrollTop);
        await page.waitForTimeout(60);
        if ((await page.locator('#scroller').evaluate((e) => e.scrollTop)) > top + 1) undone += 1;
      }
      assert.equal(undone, 0);
      assert.equal(await page.locator('#to-latest').isVisible(), true);
      await page.keyboard.press('Escape');
    }));
});
