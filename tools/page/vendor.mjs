// Bundles the libraries that the chat page uses into www/vendor/, one module each, with their licences. They are committed, so that
// the demo needs no Node; `node tools/page/vendor.mjs --check` says whether they are those of package-lock.json.
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const FOLDER = join(ROOT, 'www/vendor');

/** An engine that the benchmark page loads when it is asked to. */
const WLLAMA = '@wllama/wllama';

/** The languages whose code is coloured: what small models write. */
const LANGUAGES = ['bash', 'c', 'cpp', 'css', 'go', 'java', 'javascript', 'json', 'markdown', 'python', 'rust', 'sql', 'typescript', 'xml', 'yaml'];

/** What each module exports. @type {Record<string, string>} */
const MODULES = {
  'markdown.js': `export { lexer } from 'marked';`,
  'highlight.js': [
    `import { createLowlight } from 'lowlight';`,
    ...LANGUAGES.map((name) => `import ${name} from 'highlight.js/lib/languages/${name}';`),
    `const lowlight = createLowlight({ ${LANGUAGES.join(', ')} });`,
    `export const knows = (language) => lowlight.registered(language);`,
    `export const highlight = (language, code) => lowlight.highlight(language, code).children;`,
  ].join('\n'),
  // Commands that need trust (links, pictures, classes) are refused, macros are expanded so often and no more, and what is wrong throws.
  'math.js': [
    `import temml from 'temml';`,
    `const LIMITS = { throwOnError: true, trust: false, maxSize: [10, 2], maxExpand: 200 };`,
    `export const build = (source, displayMode) => temml.__renderToMathMLTree(source, { ...LIMITS, displayMode });`,
  ].join('\n'),
};

/** @param {string} contents */
async function bundle(contents) {
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: ROOT, loader: 'js' },
    bundle: true, format: 'esm', target: 'es2022', minify: true, legalComments: 'none', banner: { js: '// @ts-nocheck' }, write: false, metafile: true, charset: 'utf8',
  });
  const packages = new Set(Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]));
  return { text: outputFiles[0].text, packages: [...packages].filter((name) => name !== undefined) };
}

/** @param {Set<string>} packages */
async function licences(packages) {
  const parts = ['The modules in this folder are made from these packages. @wllama/wllama lies in the folder wllama/ of the site, as it is.'];
  for (const name of [...packages].sort()) {
    const folder = join(ROOT, 'node_modules', name);
    const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
    const texts = await Promise.all(['LICENSE', 'LICENSE.md', 'license', 'License', 'LICENCE'].map((file) => readFile(join(folder, file), 'utf8').catch(() => '')));
    const text = texts.find((found) => found !== '');
    if (text === undefined) throw new Error(`${name} has no licence text`);
    const more = name === WLLAMA ? `\n\n${(await readFile(join(ROOT, 'tools/page/wllama-notices.txt'), 'utf8')).trim()}` : '';
    parts.push(`${'-'.repeat(80)}\n${name} ${version} (${license ?? 'MIT'})\n\n${text.trim()}${more}`);
  }
  return `${parts.join('\n\n')}\n`;
}

/** @type {Record<string, string>} */
const files = {};
const packages = new Set();
for (const [name, contents] of Object.entries(MODULES)) {
  const bundled = await bundle(contents);
  files[name] = bundled.text;
  for (const one of bundled.packages) packages.add(one);
}
packages.add(WLLAMA);
files['LICENSES.txt'] = await licences(packages);

const stale = [];
for (const [name, text] of Object.entries(files)) {
  const file = join(FOLDER, name);
  if (!process.argv.includes('--check')) await writeFile(file, text);
  else if ((await readFile(file, 'utf8').catch(() => '')) !== text) stale.push(name);
}
if (stale.length) throw new Error(`www/vendor/ is stale (${stale.join(', ')}): run node tools/page/vendor.mjs`);
