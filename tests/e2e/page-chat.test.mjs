// The conversation on the chat page.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { answered, ask, lastAnswer, open, status, told, usePages } from './pages.mjs';

const { withPage } = usePages();

describe('chat', () => {
  test('streams, then announces the answer once and shows its speed', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say one two WAIT three', false);
      await page.waitForFunction(
        () => document.querySelector('[data-testid="turn-assistant"] .turn-text')?.textContent === 'one two ',
      );
      assert.equal(await lastAnswer(page).getAttribute('aria-busy'), 'true');
      assert.doesNotMatch(await page.getByTestId('announcer').innerText(), /one/);
      await open(page, 'more');
      await answered(page);
      assert.equal(await lastAnswer(page).getByTestId('turn-text').textContent(), 'one two WAIT three');
      assert.equal(await page.getByTestId('announcer').textContent(), 'Answer: one two WAIT three');
      assert.equal(
        await lastAnswer(page).getByTestId('stats').innerText(),
        '41.3 tok/s · 4 tokens · first after 50 ms · prompt of 26 tokens at 400 tok/s, 6 of them remembered',
      );
    }));

  test('Stop and Escape keep what there is, and the next turn knows it', () =>
    withPage('', async (page) => {
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

  test('Enter that belongs to an input method does not send', () =>
    withPage('', async (page) => {
      await status(page);
      await page.getByTestId('prompt').fill('にほん');
      // Chromium and Firefox say so by `isComposing`; Safari ends the composition first and leaves the key code 229.
      for (const key of [{ isComposing: true, keyCode: 229 }, { isComposing: true, keyCode: 13 }, { isComposing: false, keyCode: 229 }])
        await page.getByTestId('prompt').evaluate(
          (box, key) => box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true, ...key })),
          key,
        );
      assert.equal(await page.getByTestId('turn-user').count(), 0);
      assert.equal(await page.getByTestId('prompt').inputValue(), 'にほん');
      await page.keyboard.press('Enter');
      assert.equal(await page.getByTestId('turn-user').count(), 1);
    }));

  test('Enter sends, Shift+Enter makes a line, an empty message is not sent', () =>
    withPage('', async (page) => {
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
      assert.deepEqual(
        (await told(page)).answers.map(({ messages }) => messages),
        [[{ role: 'user', content: 'a\nb' }]],
      );
    }));

  test('New chat ends the answer and forgets everything', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'say one WAIT two', false);
      await page.getByText('one', { exact: true }).waitFor();
      await page.getByRole('button', { name: 'New chat' }).click();
      assert.equal(await page.getByTestId('turn-assistant').count(), 0);
      assert.equal(await page.locator('#welcome').isVisible(), true);
      await ask(page, 'Hi');
      assert.deepEqual((await told(page)).answers[1].messages, [{ role: 'user', content: 'Hi' }]);
    }));

  test('Try again asks the same once more', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'Hi');
      await page.getByTestId('retry').click();
      await answered(page);
      assert.equal(await page.getByTestId('turn-assistant').count(), 1);
      const { answers } = await told(page);
      assert.deepEqual(answers[1].messages, answers[0].messages);
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'prompt', 'the focus has a place');
      // The first answer is still there.
      assert.equal(await page.getByTestId('version').innerText(), '2/2');
      await page.getByTestId('version-before').click();
      assert.equal(await page.getByTestId('version').innerText(), '1/2');
    }));

  test('answers of the demo model are tagged, and a bigger model is offered where one may help', () =>
    withPage('', async (page) => {
      await status(page);
      for (const [answer, offered] of /** @type {[string, number][]} */ ([
        ['I do not know that: I am only a tiny demo model.', 1],
        ['I cannot do that: I only add and subtract numbers of up to three digits.', 1],
        ['The capital of France is Paris.', 0],
        ['I cannot see the weather: I am only a tiny demo model inside this page, with no connection to the world.', 0],
        ['I did not understand that: I am only a tiny demo model.', 0],
      ])) {
        await ask(page, `say ${answer}`);
        assert.equal(await lastAnswer(page).getByTestId('demo-tag').innerText(), 'Tiny demo model');
        assert.equal(await lastAnswer(page).getByTestId('bigger').count(), offered, answer);
      }
      await page.getByTestId('bigger').first().click();
      assert.equal(await page.locator('#models').isVisible(), true);
    }));

  test('answers of another model bear no tag', () =>
    withPage('?model=./other.gguf', async (page) => {
      await status(page);
      await ask(page, 'say I do not know that: I am only a tiny demo model.');
      assert.equal(await page.getByTestId('demo-tag').count(), 0);
      assert.equal(await page.getByTestId('bigger').count(), 0);
    }));

  test('an example is sent by a click', () =>
    withPage('', async (page) => {
      await status(page);
      const example = page.getByTestId('example').first();
      const text = await example.innerText();
      await example.click();
      await answered(page);
      assert.equal((await told(page)).answers[0].messages[0].content, text);
    }));

  test('a message written while the model loads is answered after', () =>
    withPage('?model=./slow.gguf', async (page) => {
      await page.getByText('2.5 of 10.0 MB').waitFor();
      await ask(page, 'Hi', false);
      await page.getByText('Waiting for the model').waitFor();
      await open(page, 'load');
      await answered(page);
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
    }));

  test('HTML is text, in the question and in the answer', () =>
    withPage('', async (page) => {
      await status(page);
      const html = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>bold</b> &amp;';
      await ask(page, `say ${html}`);
      assert.equal(await lastAnswer(page).getByTestId('turn-text').textContent(), html);
      assert.equal(await page.getByTestId('turn-user').getByTestId('turn-text').textContent(), `say ${html}`);
      assert.equal(await page.locator('.turn-text :is(img, script, b)').count(), 0);
      assert.match(await page.title(), /^bitnet-web/);
    }));

  test('a conversation longer than the context loses its beginning, and says so', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, `say ${'x'.repeat(60)}`);
      await ask(page, 'say y');
      const order = () =>
        page
          .getByTestId('transcript')
          .evaluate((e) => [...e.children].map((child) => /** @type {HTMLElement} */ (child).dataset.testid));
      assert.deepEqual(await order(), ['turn-user', 'turn-assistant', 'beginning', 'turn-user', 'turn-assistant']);
      await ask(page, `say ${'x'.repeat(60)}`);
      await ask(page, 'say z');
      const turn = ['turn-user', 'turn-assistant'];
      assert.deepEqual(await order(), [...turn, ...turn, ...turn, 'beginning', ...turn]);
      assert.deepEqual((await told(page)).answers[1].messages, [{ role: 'user', content: 'say y' }]);
    }));

  test('an error within an answer leaves the model and the page usable', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'Hi');
      await ask(page, 'overflow');
      assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'context_overflow');
      assert.equal(await lastAnswer(page).getByTestId('error').count(), 1, 'it belongs to the turn');
      await ask(page, 'Hi');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
      await page.getByRole('button', { name: 'New chat' }).click();
      assert.equal(await page.getByTestId('error').count(), 0, 'and goes with it');
    }));

  test('after a crash the model is loaded again on the same page', () =>
    withPage('', async (page) => {
      await status(page);
      await ask(page, 'crash');
      assert.equal(await page.getByTestId('error').getAttribute('data-code'), 'crashed');
      await status(page, 'empty');
      await page.getByRole('button', { name: 'Load the model again' }).click();
      await status(page);
      await ask(page, 'Hi');
      assert.match(await lastAnswer(page).innerText(), /Hello there\./);
    }));

  test('follows the stream at the end, and leaves a reader alone who went up', () =>
    withPage('', async (page) => {
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
      await page.getByTestId('prompt').evaluate((box) => box.dispatchEvent(new Event('input')));
      await page.waitForTimeout(100);
      assert.ok((await gap()) > 100);
      await page.locator('#to-latest').click();
      await page.waitForFunction(() => {
        const e = /** @type {HTMLElement} */ (document.querySelector('#scroller'));
        return e.scrollHeight - e.scrollTop - e.clientHeight < 2;
      });
      await page.locator('#to-latest').waitFor({ state: 'hidden' });
    }));
});
