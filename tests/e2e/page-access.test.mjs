// Safety, keyboards, screen readers and phones.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';

import { ask, status, usePages } from './pages.mjs';

const { withPage } = usePages();

describe('safety and access', () => {
  test('the policy stops inline script, and the console says so', () =>
    withPage('', async (page, complaints) => {
      await status(page);
      assert.deepEqual(complaints, []);
      const violated = await page.evaluate(
        () =>
          new Promise((resolve) => {
            document.addEventListener('securitypolicyviolation', (event) => resolve(event.effectiveDirective));
            setTimeout(resolve, 5000, 'none');
            const script = document.createElement('script');
            script.textContent = 'document.title = "inline"';
            document.head.append(script);
          }),
      );
      assert.equal(violated, 'script-src-elem');
      assert.notEqual(await page.title(), 'inline');
      assert.equal(complaints.length, 1);
      complaints.length = 0;
    }));

  test('every control has a name, and the keyboard reaches the message box from the top', () =>
    withPage('', async (page) => {
      await status(page);
      for (const opener of [null, '#open-settings', '#open-models']) {
        if (opener) await page.locator(opener).click();
        const nameless = await page.evaluate(() =>
          [...document.querySelectorAll('button, input, select, textarea, a')]
            .filter((e) => e.checkVisibility() && e.getAttribute('aria-hidden') !== 'true')
            .filter(
              (e) =>
                !(
                  e.getAttribute('aria-label') ||
                  e.textContent?.trim() ||
                  /** @type {HTMLInputElement} */ (e).labels?.length
                ),
            )
            .map((e) => e.outerHTML),
        );
        assert.deepEqual(nameless, []);
        if (opener) await page.keyboard.press('Escape');
      }
      await page.evaluate(() => /** @type {HTMLElement} */ (document.activeElement)?.blur());
      await page.locator('.skip').focus();
      await page.keyboard.press('Enter');
      assert.equal(await page.evaluate(() => document.activeElement?.id), 'prompt');
    }));

  test('fits a phone: nothing sticks out, and inputs are large enough not to be zoomed', () =>
    withPage(
      '?model=./a-long-name-of-a-model-file-in-some-format.gguf',
      async (page) => {
        await status(page);
        await ask(page, `say ${'unbroken'.repeat(12)}`);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 320);
        assert.equal(await page.locator('#scroller').evaluate((e) => e.scrollWidth - e.clientWidth), 0);
        const right = await page.locator('#open-settings').evaluate((e) => e.getBoundingClientRect().right);
        assert.ok(right <= 320, `the header ends at ${right}`);
        for (const opener of ['#open-settings', '#open-models']) {
          await page.locator(opener).click();
          const small = await page.evaluate(() =>
            [...document.querySelectorAll('input:not([type="range"]), select, textarea')]
              .filter((e) => e.checkVisibility() && parseFloat(getComputedStyle(e).fontSize) < 16)
              .map((e) => e.id),
          );
          assert.deepEqual(small, []);
          assert.equal(
            await page.locator('dialog[open] .sheet-body').evaluate((e) => e.scrollWidth - e.clientWidth),
            0,
          );
          await page.keyboard.press('Escape');
        }
      },
      { viewport: { width: 320, height: 640 }, isMobile: true, hasTouch: true },
    ));
});

describe('languages', () => {
  test('the browser decides, and a choice in the settings is kept', () =>
    withPage('', async (page) => {
      await status(page);
      assert.equal(await page.locator('html').getAttribute('lang'), 'de');
      assert.equal(await page.locator('#welcome-title').innerText(), 'Ein Sprachmodell, das in diesem Tab läuft');
      await page.locator('#open-settings').click();
      await page.getByTestId('language').selectOption('en');
      await page.waitForFunction(() => document.documentElement.lang === 'en');
      await status(page);
      assert.equal(await page.locator('#welcome-title').innerText(), 'A language model that runs in this tab');
    }, { locale: 'de-AT' }));
});
