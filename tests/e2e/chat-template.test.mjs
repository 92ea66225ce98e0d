// Chat templates through the public API: parts, tools, roles, continued messages, and templates that mean harm.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';

import { launch, openPage, ROOT, startDemo } from './harness.mjs';

/** @import { Browser, Page } from 'playwright-core' */
/** @import { RunningServer } from './server.mjs' */

const MODEL = '/models/gqa1-i2_s.gguf';

const CHATML =
  "{% for message in messages %}{% if message.role in ['system', 'user', 'assistant'] %}{{ '<|' ~ message.role ~ '|>' ~ message.content ~ '\\n' }}" +
  "{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";

/** @type {Browser} */
let browser;
/** @type {RunningServer} */
let isolated;
/** @type {RunningServer} */
let plain;

before(async () => {
  browser = await launch();
  const folders = { '/models/': join(ROOT, 'tests/fixtures/models'), '/e2e/': join(ROOT, 'tests/e2e') };
  isolated = await startDemo({ folders });
  plain = await startDemo({ folders, isolated: false });
});

after(async () => {
  await browser?.close();
  await isolated?.close();
  await plain?.close();
});

/**
 * @param {string} name
 * @param {(page: Page) => Promise<void>} body
 * @param {() => RunningServer} [host]
 */
function pageTest(name, body, host = () => isolated) {
  test(name, { timeout: 120_000 }, async () => {
    const { context, page } = await openPage(browser, `${host().origin}/blank.html`);
    try {
      await page.addScriptTag({ type: 'module', url: '/e2e/api-page.js' });
      await page.waitForFunction(() => 'lib' in globalThis);
      await body(page);
    } finally {
      await context.close();
    }
  });
}

pageTest('parts, roles, tools and continued messages', async (page) => {
  const got = await page.evaluate(
    async ([url, chatTemplate]) => {
      const told = (/** @type {any} */ error) => `${error.code} ${error.message} ${JSON.stringify(error.details)}`;
      const user = (/** @type {any} */ content) => ({ role: 'user', content });
      const load = (/** @type {string} */ template) => lib.BitNet.load(url, { threads: 1, kernel: 'scalar', chatTemplate: template });
      const model = await load(chatTemplate);
      const open = [user('a'), { role: 'assistant', content: 'The answer is ' }];
      const rows = {
        parts: await model.chatPrompt([user([{ type: 'text', text: 'one' }, { type: 'text', text: 'two' }])]),
        image: await model.chatPrompt([user([{ type: 'image_url', image_url: 'x' }])]).catch(told),
        role: await model.complete([user('a'), { role: 'critic', content: 'No.' }, user('b')]).catch(told),
        undecided: await model.generate(open).next().catch(told),
        undecidedPrompt: await model.chatPrompt(open).catch(told),
        continued: await model.chatPrompt(open, { continueFinalMessage: true }),
        newTurn: await model.chatPrompt(open, { continueFinalMessage: false }),
        answered: (await model.complete(open, { continueFinalMessage: true, maxTokens: 3 })).finishReason,
        noTools: await model.chatPrompt([user('a')], { tools: [{ name: 'f' }] }).catch(told),
        unknown: await model.chatPrompt([user('a')], /** @type {any} */ ({ maxToken: 3 })).catch(told),
      };
      await model.unload();
      const other = await load(
        // Tools and calls are passed on to a template that shows both.
        "{{ tools | tojson }}{{ (documents or [{}])[0].title }}{{ mode }}{% for m in messages %}{% if m.content is string %}{{ m.content }}{% else %}{% for p in m.content or [] %}[{{ p.text }}]{% endfor %}{% endif %}{{ m.name }}{% for call in m.tool_calls or [] %}<tool_call>\n{{ call.function | tojson }}\n</tool_call>{% endfor %}{% endfor %}",
      );
      const whole = await other.chatPrompt(
        [
          { ...user([{ type: 'text', text: 'one' }, { type: 'text', text: 'two' }]), name: 'Ada' },
          { role: 'assistant', tool_calls: [{ function: { name: 'f', arguments: { z: 1, a: [null, 1.5] } } }] },
          user([{ type: 'text', text: 'end' }]),
        ],
        { tools: [{ z: 1, a: 'ü' }], documents: [{ title: 'T' }], templateVariables: { mode: 'fast' } },
      );
      await other.unload();
      return { ...rows, whole };
    },
    [MODEL, CHATML],
  );
  assert.equal(got.parts, '<|user|>one\ntwo\n<|assistant|>');
  assert.match(got.image, /^invalid_argument .*text only, found {"type":"image_url"/);
  assert.match(String(got.role), /^chat_template messages\[1\]: .*role 'critic'.*{"index":1,"role":"critic"}$/);
  assert.match(String(got.undecided), /^invalid_argument .*continueFinalMessage: true .*continueFinalMessage: false/);
  assert.equal(got.undecidedPrompt, got.undecided);
  assert.equal(got.continued, '<|user|>a\n<|assistant|>The answer is ');
  assert.equal(got.newTurn, '<|user|>a\n<|assistant|>The answer is \n<|assistant|>');
  assert.match(got.answered, /^(stop|length)$/);
  assert.match(got.noTools, /<tools>\n{"name":"f"}\n<\/tools>/); // where the template shows none, the messages do
  assert.match(got.unknown, /^invalid_argument generate has no option 'maxToken'/);
  assert.equal(
    got.whole,
    '[{"z": 1, "a": "ü"}]Tfast[one][two]Ada<tool_call>\n{"name": "f", "arguments": {"z": 1, "a": [null, 1.5]}}\n</tool_call>[end]',
  );
});

const HOSTILE = [
  '{% for i in [1] %}{{ loop.cycle() }}{% endfor %}',
  '{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}',
  "{% set ns = namespace(x='x') %}{% for i in range(64) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
  "{{ '%999999999d' | format(1) }}",
  "{{ 'a' * 10 ** 9 }}",
  "{{ range(10 ** 9) | list }}",
  "{% set x = 'x' * 2000000 %}{% for i in range(100000) %}{{ x | title | length }}{% endfor %}",
  '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}',
  '{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}{{ ns.x | tojson }}',
  '{{ [1] | batch(999999999, 0) | list }}',
];

for (const [name, host] of /** @type {[string, () => RunningServer][]} */ ([['isolated', () => isolated], ['not isolated', () => plain]])) {
  for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
    pageTest(`a hostile template is a coded error, and the model stays: ${variant}, ${name}`, async (page) => {
      const got = await page.evaluate(
        async ([url, templates, variant]) => {
          // @ts-expect-error an address of the test's server
          const { memoryBytes } = await import('/dist/bench.js');
          const rows = [];
          for (const chatTemplate of templates) {
            const model = await lib.BitNet.load(url, { threads: 1, kernel: 'scalar', variant: /** @type {any} */ (variant), chatTemplate });
            const failed = await model.complete([{ role: 'user', content: 'Hi' }]).catch((/** @type {any} */ error) => error.code);
            const again = await model.chatPrompt([{ role: 'user', content: 'Hi' }]).catch((/** @type {any} */ error) => error.code);
            const { text } = await model.complete('Hello', { maxTokens: 2 });
            const mebibytes = (await memoryBytes(model)) / 2 ** 20;
            rows.push([failed, again, typeof text, mebibytes < 200 || mebibytes]);
            await model.unload();
          }
          return rows;
        },
        /** @type {[string, string[], string]} */ ([MODEL, HOSTILE, variant]),
      );
      assert.deepEqual(got, HOSTILE.map(() => ['chat_template', 'chat_template', 'string', true]));
    }, host);
  }
}
