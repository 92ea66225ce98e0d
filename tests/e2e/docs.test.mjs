// What README and guides show: every block of code runs, every excerpt is one, every link leads somewhere. And the documentation as it is
// served: complete, searchable, without asking another host.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { build } from 'esbuild';

import { launch, openPage, ROOT, startServer } from './harness.mjs';
import { withTable } from '../../docs/models-table.mjs';
import { lendModel } from './lending.mjs';

/** @import { Browser } from 'playwright-core' */

const SITE = join(ROOT, 'site');

/** Names in the pages of a reader's own model, which a block may use without loading one. */
const HF = 'hf:microsoft/bitnet-b1.58-2B-4T-gguf/ggml-model-i2_s.gguf';

/** Files of other kinds that the guides use, by their names at example.org. */
const LENT = {
  'base.gguf': 'models/tiny-i2_s.gguf',
  'style.gguf': 'adapters/tiny-all.gguf',
  'embedding.gguf': 'models/qwen3-embedding-i2_s.gguf',
};

/**
 * A block of code in a document.
 * @typedef {object} Block
 * @property {string} place document and line
 * @property {string} language
 * @property {string} text
 * @property {string | undefined} excerpt the file that it is a part of
 */

/** @type {Map<string, string>} */
const documents = new Map();
/** @type {Block[]} */
const blocks = [];

for (const name of ['README.md', 'CONTRIBUTING.md', ...(await readdir(join(ROOT, 'docs'), { recursive: true })).map((file) => `docs/${file}`)]) {
  if (!name.endsWith('.md') || /node_modules|generated/.test(name)) continue;
  const text = await readFile(join(ROOT, name), 'utf8');
  documents.set(name, text);
  for (const { 1: excerpt, 2: language, 3: code, index } of text.matchAll(/(?:<!-- excerpt: (\S+) -->\n)?^```(\w*)\n([^]*?)^```$/gm)) {
    blocks.push({ place: `${name}:${text.slice(0, index).split('\n').length}`, language, text: code, excerpt });
  }
}

/** @type {Browser} */
let browser;
before(async () => {
  browser = await launch();
});
after(() => browser?.close());

test('the table of published models is that of the list which the chat page offers', () => {
  const text = documents.get('docs/models.md') ?? '';
  assert.equal(withTable(text), text, 'run node docs/models-table.mjs --write');
});

test('every block of code is of a kind that is looked at here', () => {
  const known = ['', 'js', 'jsx', 'ts', 'json', 'html', 'sh', 'http', 'apache', 'nginx', 'text'];
  assert.deepEqual(blocks.filter(({ language }) => !known.includes(language)).map(({ place, language }) => `${place} ${language}`), []);
  assert.ok(blocks.filter(({ excerpt }) => excerpt).length > 10);
  for (const { place, language, excerpt } of blocks) if (['jsx', 'html'].includes(language)) assert.ok(excerpt, `${place}: only an excerpt can be that`);
});

for (const { place, text, excerpt } of blocks.filter(({ excerpt }) => excerpt)) {
  test(`${place} is a part of ${excerpt}, which the tests of the examples run`, async () => {
    assert.ok((await readFile(join(ROOT, String(excerpt)), 'utf8')).includes(text), text);
  });
}

/** Blocks that a reader runs as they are. */
const whole = blocks.filter(({ language, excerpt }) => (language === 'js' || language === 'ts') && !excerpt);

/** A block as a module of its own: where it uses a model that it does not load, one is there. @param {Block} block */
function moduleOf({ text }) {
  const needsModel = /\bmodel\b/.test(text) && !/\bmodel = await BitNet|model: Model/.test(text);
  const load = `import { BitNet as Loaded } from 'bitnet-web';\nconst model = await Loaded.load('${HF}');\n`;
  return `${needsModel ? load : ''}${text}\nexport {};\n`;
}

for (const block of whole) {
  test(`${block.place} runs`, { timeout: 120_000 }, async () => {
    // With what it imports besides the library, as any bundler does it.
    const stdin = { contents: moduleOf(block), loader: /** @type {'js' | 'ts'} */ (block.language), resolveDir: ROOT };
    const alias = Object.fromEntries(['guards', 'ai-sdk', 'langchain', 'prompt-api'].map((name) => [`bitnet-web/${name}`, join(ROOT, 'dist', `${name}.js`)]));
    const { outputFiles: [{ text: code }] } = await build({ stdin, bundle: true, format: 'esm', target: 'es2022', alias, external: ['bitnet-web'], write: false });
    const page = `<!doctype html><title>block</title><link rel="icon" href="data:,"><script type="importmap">{ "imports": { "bitnet-web": "/bitnet-web/index.js" } }</script>
      <button id="stop"></button><p id="answer"></p>`;
    const server = await startServer({
      folders: { '/bitnet-web/': join(ROOT, 'dist') },
      handle: (_request, response, path) => {
        if (path === '/') response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
        else if (path === '/block.js') response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(code);
        else return false;
        return true;
      },
    });
    const context = await browser.newContext();
    try {
      await lendModel(context);
      await lendModel(context, 'https://example.org/model.gguf');
      for (const [name, file] of Object.entries(LENT)) {
        if (code.includes(name)) await lendModel(context, `https://example.org/${name}`, join(ROOT, 'tests/fixtures', file));
      }
      await context.route('https://example.org/no-model.gguf', (route) => route.fulfill({ status: 404, headers: { 'Access-Control-Allow-Origin': '*' } }));
      const tab = await context.newPage();
      await tab.goto(`${server.origin}/`);
      const failure = await tab.evaluate(() => import(String('/block.js')).then(() => undefined, (error) => String(error?.stack ?? error)));
      assert.equal(failure, undefined, stdin.contents);
    } finally {
      await context.close();
      await server.close();
    }
  });
}

test('every block is right by the types', { timeout: 120_000 }, async () => {
  const app = await mkdtemp(join(tmpdir(), 'bitnet-web-docs-'));
  try {
    await mkdir(join(app, 'node_modules'));
    await symlink(join(ROOT, 'dist'), join(app, 'node_modules/bitnet-web'));
    for (const scope of ['@ai-sdk', '@langchain']) await symlink(join(ROOT, 'node_modules', scope), join(app, 'node_modules', scope));
    for (const name of ['openai', 'ai']) await symlink(join(ROOT, 'node_modules', name), join(app, 'node_modules', name));
    await writeFile(join(app, 'package.json'), '{ "type": "module" }');
    const files = await Promise.all(whole.map(async (block, index) => {
      const name = `${String(index).padStart(2, '0')}-${block.place.replace(/\W+/g, '-')}.${block.language}`;
      await writeFile(join(app, name), moduleOf(block));
      return name;
    }));
    for (const language of ['js', 'ts']) {
      // A script in JavaScript may be careless about what is null; a name or an option that does not exist is wrong in both.
      const flags = ['--noEmit', '--allowJs', '--checkJs', '--strict', String(language === 'ts'), '--target', 'es2023', '--lib', 'es2024,dom,dom.iterable,dom.asynciterable,esnext.disposable', '--module', 'nodenext'];
      const args = [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, ...files.filter((file) => file.endsWith(language))];
      await promisify(execFile)(process.execPath, args, { cwd: app }).catch(({ stdout, stderr }) => assert.fail(`${stdout}${stderr}`));
    }
  } finally {
    await rm(app, { recursive: true, force: true });
  }
});

test('what is JSON can be parsed, and each command that is named exists', async () => {
  for (const { place, text } of blocks.filter(({ language, excerpt }) => language === 'json' && !excerpt)) assert.doesNotThrow(() => JSON.parse(text), place);
  const help = await readFile(join(ROOT, 'xtask/src/main.rs'), 'utf8');
  for (const { place, text } of blocks.filter(({ language }) => language === 'sh')) {
    for (const line of text.trim().split('\n')) {
      const [, command] = /^cargo xtask (\w+)/.exec(line) ?? [];
      assert.ok(/^npm install [\w@\/ -]+$/.test(line) || help.includes(`Some("${command}")`), `${place}: ${line}`);
    }
  }
});

test('the headers that are shown are those that the site is served with', async () => {
  const served = await readFile(join(SITE, '_headers'), 'utf8');
  const shown = blocks.filter(({ text }) => /Embedder-Policy/.test(text));
  assert.ok(shown.length >= 5);
  for (const [, name, value] of served.matchAll(/(Cross-Origin-(?:Opener|Embedder)-Policy): (\S+)/g)) {
    for (const { place, text } of shown) {
      assert.match(text, new RegExp(`${name}\\b[^a-z]*(value[^a-z]*)?${value}`), `${place}: ${name}`);
    }
  }
});

test('every link in README and guides leads to a file, and to a heading of it', async () => {
  const slug = (/** @type {string} */ heading) => heading.toLowerCase().replace(/[^\w\- ]/g, '').trim().replaceAll(' ', '-');
  for (const [name, text] of documents) {
    for (const [, target] of text.replaceAll(/^```[^]*?^```$/gm, '').matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^https:\/\//.test(target)) continue;
      const [path, anchor] = target.split('#');
      const file = path === '' ? join(ROOT, name) : join(ROOT, dirname(name), path);
      // Two tables are written when the site is made.
      if (relative(ROOT, file).startsWith(join('docs', 'generated'))) continue;
      await assert.doesNotReject(stat(file), `${name}: ${target}`);
      if (anchor === undefined) continue;
      const headings = [...(await readFile(file, 'utf8')).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => slug(heading));
      assert.ok(headings.includes(anchor), `${name}: ${target}`);
    }
  }
});

test('every guide is in the site, and in the README', async () => {
  const { projectDocuments } = JSON.parse(await readFile(join(ROOT, 'docs/typedoc.json'), 'utf8'));
  for (const name of (await readdir(join(ROOT, 'docs/guide'))).filter((file) => file.endsWith('.md'))) {
    assert.ok(projectDocuments.includes(`guide/${name}`), name);
    assert.ok(documents.get('README.md')?.includes(`(docs/guide/${name})`), name);
  }
});

test('README and the page of models name every architecture that runs', async () => {
  const [, list] = /const FAMILIES[^=]*= \[([^]*?)\];/.exec(await readFile(join(ROOT, 'src/model/graph/mod.rs'), 'utf8')) ?? [];
  const names = [...list.matchAll(/\("([^"]+)"/g)].map(([, name]) => name);
  assert.ok(names.length >= 3);
  for (const file of ['README.md', 'docs/models.md']) {
    for (const name of names) assert.ok(documents.get(file)?.includes(`\`${name}\``), `${file}: ${name}`);
  }
});

/** @returns {Promise<string[]>} the pages of the documentation, relative to the site */
async function pages() {
  const files = await readdir(join(SITE, 'docs'), { recursive: true });
  return files.filter((file) => file.endsWith('.html')).map((file) => `docs/${file.replaceAll('\\', '/')}`);
}

test('every page of the documentation has links to files that are there', async () => {
  const all = await pages();
  assert.ok(all.length > 20);
  for (const page of all) {
    const text = (await readFile(join(SITE, page), 'utf8')).replaceAll(/<(script|pre)\b[^]*?<\/\1>/g, '');
    for (const [, target] of text.matchAll(/(?:href|src)="([^"#?]+)[^"]*"/g)) {
      if (/^(https?:|data:|mailto:|javascript:)/.test(target)) continue;
      await assert.doesNotReject(stat(join(SITE, dirname(page), decodeURIComponent(target))), `${page}: ${target}`);
    }
  }
});

test('the documentation names every option, every error code and every exported name', async () => {
  const [options, errors] = await Promise.all(['Options', 'Errors'].map((name) => readFile(join(SITE, `docs/documents/${name}.html`), 'utf8')));
  const schema = await import('../../worker/schema.js');
  const rules = [schema.LOAD_RULES, schema.GENERATE_RULES, schema.WORKER_RULES];
  for (const name of rules.flatMap((part) => Object.keys(part))) assert.ok(options.includes(`<code>${name}</code>`), name);
  const [, union] = /@typedef \{('invalid_gguf'[^}]*)\} ErrorCode/.exec(await readFile(join(ROOT, 'worker/error.js'), 'utf8')) ?? [];
  for (const [, code] of union.matchAll(/'(\w+)'/g)) assert.match(errors, new RegExp(`<code>${code}</code></td>\\s*<td>[^]+?</td>\\s*<td>.`), code);
  const all = (await pages()).join('\n');
  const types = await readFile(join(ROOT, 'dist/types/types.d.ts'), 'utf8');
  for (const [, name] of types.matchAll(/export type \{ (\w+) \}/g)) assert.match(all, new RegExp(`bitnet-web\\.${name}\\.html`), name);
});

test('the documentation is searched under any path, on a phone and in the dark, without another host', { timeout: 120_000 }, async () => {
  const path = '/people/someone/';
  const server = await startServer({ folders: { [path]: SITE } });
  try {
    for (const options of /** @type {const} */ ([{ viewport: { width: 1280, height: 800 } }, { viewport: { width: 360, height: 740 }, colorScheme: 'dark' }])) {
      const start = await readFile(join(SITE, 'index.html'), 'utf8');
      assert.match(start, /href="\.\/docs\/index\.html"/, 'the start page leads here');
      const { context, page, complaints } = await openPage(browser, `${server.origin}${path}docs/index.html`, options);
      /** @type {string[]} */
      const elsewhere = [];
      page.on('request', (request) => void (request.url().startsWith(server.origin) || /^(data|blob):/.test(request.url()) || elsewhere.push(request.url())));
      await page.reload();
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the page scrolls sideways');
      await page.locator('#tsd-search-trigger').click();
      await page.locator('#tsd-search-input').fill('StrictMode');
      await page.locator('#tsd-search-results li', { hasText: 'A chat app' }).first().click();
      await page.waitForURL(/A_chat_app\.html/);
      assert.match(await page.innerText('h1'), /A chat app/);
      const chat = await page.locator('a', { hasText: /^Chat$/ }).first().getAttribute('href');
      assert.equal(chat, `${server.origin}${path}index.html`);
      assert.deepEqual([elsewhere, complaints], [[], []]);
      await context.close();
    }
  } finally {
    await server.close();
  }
});
