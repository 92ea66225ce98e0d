// The option `thinking`, and what a model thinks apart from what it says.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

/** Opens the thinking at the end of the prompt, as some families' templates do. */
const TEMPLATE =
  "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: {% if enable_thinking %}<think>\n{% endif %}";

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let server;

before(async () => {
  browser = await launch();
  server = await startDemo({ folders: { '/shipped/': join(ROOT, 'www/models'), '/e2e/': join(ROOT, 'tests/e2e') } });
});

after(async () => {
  await browser?.close();
  await server?.close();
});

test('a model thinks where it is asked to, and that is told apart', { timeout: 120_000 }, async () => {
  const { context, page } = await openPage(browser, `${server.origin}/blank.html`);
  try {
    await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
    await page.waitForFunction(() => 'lib' in globalThis);
    const found = await page.evaluate(async (chatTemplate) => {
      const messages = [{ role: 'user', content: 'What is a ternary weight?' }];
      const options = { maxTokens: 12, temperature: 0 };
      const model = await lib.BitNet.load('/shipped/demo.gguf', { chatTemplate });
      const prompts = [await model.chatPrompt(messages), await model.chatPrompt(messages, { thinking: true })];
      const plain = await model.complete(messages, options);
      const thinks = await model.complete(messages, { ...options, thinking: true });
      const own = await model.complete(messages, { ...options, templateVariables: { enable_thinking: true } });
      const raw = await model.complete(prompts[1] ?? '', options);
      const stream = model.generate(messages, { ...options, thinking: true });
      let streamed = '';
      let said = '';
      for await (const { text, reasoning = '' } of stream) [streamed, said] = [streamed + reasoning, said + text];
      const { partial } = stream;
      await model.unload();
      const other = await lib.BitNet.load('/shipped/demo.gguf');
      const refused = await other.complete(messages, { ...options, thinking: true }).catch((error) => `${error.code}: ${error.message}`);
      await other.unload();
      return { prompts, plain, thinks, own, raw, streamed, said, partial, refused };
    }, TEMPLATE);
    const { prompts, plain, thinks, own, raw } = found;
    assert.ok(!prompts[0]?.includes('<think>') && prompts[1]?.endsWith('<think>\n'), `${prompts}`);
    assert.ok(plain.text !== '' && plain.reasoning === undefined);
    assert.equal(thinks.text, '');
    assert.ok(thinks.reasoning);
    assert.equal(own.reasoning, thinks.reasoning);
    assert.ok(raw.text !== '' && raw.reasoning === undefined, 'a raw prompt is continued as it is');
    assert.equal(found.streamed, thinks.reasoning);
    assert.equal(found.said, '');
    assert.equal(found.partial.reasoning, thinks.reasoning);
    assert.match(String(found.refused), /^unsupported: .*thinking/);
  } finally {
    await context.close();
  }
});
