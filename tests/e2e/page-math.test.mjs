// Formulas in answers: what is one, and what becomes of it.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { ROOT } from './harness.mjs';
import { answered, ask, lastAnswer, open, status, usePages } from './pages.mjs';

const { withPage } = usePages();
const { lexer } = await import(pathToFileURL(join(ROOT, 'www/vendor/markdown.js')).href);
const { build } = await import(pathToFileURL(join(ROOT, 'www/vendor/math.js')).href);
const { growing, WHOLE } = await import(pathToFileURL(join(ROOT, 'www/app/math-syntax.js')).href);

/**
 * The formulas of a text, each as its source; in brackets on lines of their own, with a question mark without their end.
 * @param {string} text
 * @param {object} how
 */
function formulas(text, how = WHOLE) {
  /** @param {any[]} tokens @returns {string[]} */
  const of = (tokens = []) =>
    tokens.flatMap((token) => {
      if (token.type === 'math' || token.type === 'mathBlock') return [token.isOpen ? `${token.text}?` : token.display ? `[${token.text}]` : token.text];
      const cells = [...(token.header ?? []), ...(token.rows ?? []).flat()];
      return [...of(token.items), ...(token.items ? [] : of(token.tokens)), ...cells.flatMap((cell) => of(cell.tokens))];
    });
  const tokens = lexer(text, how);
  assert.equal(tokens.map((/** @type {any} */ token) => token.raw).join(''), text, 'nothing is lost');
  return of(tokens);
}

test('formulas are told from prices, code and prose', () => {
  for (const [text, ...expected] of [
    ['It is $a_1 + b_1$ here, and $x$.', 'a_1 + b_1', 'x'],
    ['so \\(x_i\\) and \\[y*z*\\] end', 'x_i', '[y*z*]'],
    ['$$\na^2\n$$', '[a^2]'],
    ['text\n$$\na \\\\ b\n$$\nmore', '[a \\\\ b]'],
    ['text\n\\[\na\n\\]', '[a]'],
    ['here $$x$$ in a line', '[x]'],
    ['- a $x$\n- \\(y\\)\n\n  $$z$$', 'x', 'y', '[z]'],
    ['| a | b |\n|---|---|\n| $x$ | \\(y\\) |', 'x', 'y'],
    ['> $$q$$', '[q]'],
    ['# Of $x$', 'x'],
    ['**$x*y$**', 'x*y'],
    ['$\\$5$', '\\$5'],
    // None of these.
    ['costs $5 and $10 today'],
    ['$5-$10, $1,000, or $2,000.'],
    ['US$5 to US$6, 5$ or 6$, $5 or maybe 6$'],
    ['A$AP and A$AP'],
    ['$HOME and $PATH'],
    ['a $ b $ c, lone $'],
    ['$x$5'],
    ['\\$x$ y$'],
    ['`$a$` and ``$b$``'],
    ['$`x`$'],
    ['```\n$a$\n$$\nb\n$$\n```'],
    ['    $a$'],
    ['\\[a link\\](https://x.org)'],
    ['$$$$ and \\(\\)'],
    ['$$ a\n\nb $$'],
    ['$a\n\nb$'],
  ])
    assert.deepEqual(formulas(text), expected, text);
});

test('a formula whose end has not come is no Markdown yet', () => {
  for (const [text, ...expected] of [
    ['so \\(x_1 *y', '\\(x_1 *y?'],
    ['so $$x_1*', '$$x_1*?'],
    ['$$\na_1', '$$\na_1?'],
    ['\\[ a', '\\[ a?'],
    ['a $x_'],
    ['pid $$ is\n\nnext'],
    ['- one\n- \\(y', '\\(y?'],
  ]) {
    assert.deepEqual(formulas(text, growing(text)), expected, text);
    assert.deepEqual(formulas(text), [], 'at its end it is what it is');
  }
});

test('no end is looked for further than a formula is long', () => {
  for (const [begin, end] of [['$$', '$$'], ['\\[', '\\]'], ['\\(', '\\)'], ['$', '$']]) {
    assert.equal(formulas(`${begin}${'a'.repeat(900)}${end}`).length, 1);
    assert.deepEqual(formulas(`${begin}${'a'.repeat(2001)}${end}`), []);
  }
});

test('commands that reach out of a formula, or have no end, are refused', () => {
  for (const source of ['\\href{javascript:alert(1)}{x}', '\\url{https://x.org}', '\\includegraphics{https://x.org/a.png}', '\\class{a}{x}', '\\id{a}{x}', '\\style{color:red}{x}', '\\data{a=b}{x}', '\\def\\a{\\a\\a}\\a', '\\nonsense', '{'.repeat(9000)])
    assert.throws(() => build(source, true), /./, source.slice(0, 40));
});

test('an answer shows formulas as MathML, and as it was written what is none', () =>
  withPage('', async (page) => {
    const fetched = () => page.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => name.endsWith('/vendor/math.js')));
    await status(page);
    await ask(page, 'say It costs $5 and $10.');
    assert.equal(await fetched(), false, 'the library comes with the first formula');
    await ask(page, 'say First $x^2$ and `$y$`.\n\n$$\n\\frac{a_1}{b_1}\n$$\n\nLast \\[ \\sum_{i=1}^n\n WAIT i \\] end', false);
    const answer = lastAnswer(page);
    // A formula that waits for its end stands there as it was written.
    await answer.locator('.math-open').waitFor();
    assert.equal((await answer.locator('.math-open').innerText()).trim(), '\\[ \\sum_{i=1}^n');
    await answer.locator('math').nth(1).waitFor();
    assert.equal(await answer.locator('math').count(), 2);
    const first = await answer.locator('math').first().elementHandle();
    await open(page, 'more');
    await answered(page);
    assert.equal(await answer.locator('.math-open').count(), 0);
    assert.equal(await answer.locator('math').count(), 3);
    assert.equal(await first?.evaluate((node) => node.isConnected), true, 'what was shown stays');
    assert.deepEqual(await answer.locator('math').evaluateAll((all) => all.map((math) => math.getAttribute('display'))), [null, 'block', 'block']);
    assert.equal(await answer.locator('math').first().evaluate((math) => math.firstElementChild?.tagName), 'msup');
    assert.equal(await answer.locator('code').innerText(), '$y$');
    const box = await answer.locator('mfrac').boundingBox();
    assert.ok(box && box.height > 20, 'a fraction is set as one');
    // What reaches out, is too large, too deep or not known stays text.
    for (const source of ['$\\href{javascript:alert(1)}{x}$', '$\\nonsense$', '$\\cancel{q}$', `$${'\\sqrt'.repeat(70)}x$`]) {
      await page.getByRole('button', { name: 'New chat' }).click();
      await ask(page, `say ${source}`);
      assert.equal(await lastAnswer(page).locator('.math code').innerText(), source);
      assert.equal(await lastAnswer(page).locator('a, math').count(), 0);
    }
    for (const source of ['\\(\\rule{900em}{900em}\\)', '$\\hspace{500em}z$', '$\\color{white}y$', '$\\raisebox{90em}{x}$']) {
      await page.getByRole('button', { name: 'New chat' }).click();
      await ask(page, `say ${source}`);
      const math = lastAnswer(page).locator('math');
      const { width, height, styled } = await math.evaluate((math) => ({
        ...math.getBoundingClientRect().toJSON(),
        styled: [...math.querySelectorAll('*')].some((node) => /color|background/.test(node.outerHTML)),
      }));
      assert.ok(width < 300 && height < 300 && !styled, `${source}: ${width} x ${height}`);
    }
    await page.getByRole('button', { name: 'New chat' }).click();
    await ask(page, `say ${'\n$$\n'}${'x+'.repeat(70)}x\n$$\n`);
    const wide = lastAnswer(page).locator('.math.display');
    assert.ok(await wide.evaluate((node) => node.scrollWidth > node.clientWidth && node.tabIndex === 0), 'what is wide is scrolled in its place, by keys too');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 400);
  }, { viewport: { width: 400, height: 700 } }));
