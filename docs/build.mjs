// Makes the documentation's pages of the guides in this folder and the types in dist/: `cargo xtask site` runs it.
//
//   node docs/build.mjs OUT [--internals]
//
// --internals: with a link to the documentation of the Rust code, which lies in OUT/internals/ then.
//
// The tables of options and of error codes are written from where these are defined, so that they cannot lag behind.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';

import * as schema from '../worker/schema.js';
import { historyPage } from './history-page.mjs';

const DOCS = dirname(fileURLToPath(import.meta.url));
const ROOT = resolve(DOCS, '..');

/** What the tables of options are about: the type, its rules, and when they are used. */
const TABLES = [
  ['LoadOptions', schema.LOAD_RULES, 'BitNet.load and BitNet.probe', 'How a model is loaded.'],
  ['GenerateOptions', schema.GENERATE_RULES, 'model.generate and model.complete', 'How an answer is written.'],
  ['WorkerOptions', schema.WORKER_RULES, 'BitNet.selfTest', 'What starts workers.'],
];

/** @param {string} text for a cell of a table */
function cell(text) {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

/**
 * The sentences of a type's properties, from its JSDoc.
 * @param {string} source
 * @param {string} name of the type
 * @returns {Map<string, string>} by property
 */
function sentences(source, name) {
  const start = source.indexOf(`@typedef {object} ${name}\n`);
  const block = source.slice(start, source.indexOf('*/', start)).replaceAll(/\n \*  +/g, ' ');
  return new Map([...block.matchAll(/@property \{.*\} \[(\w+)\] (.*)/g)].map(([, option, about]) => [option, about]));
}

async function options() {
  const source = await readFile(join(ROOT, 'worker/schema.js'), 'utf8');
  const parts = TABLES.map(([type, rules, calls, about]) => {
    const told = sentences(source, type);
    const rows = Object.entries(rules).map(([name, { expected }]) => {
      if (!told.has(name)) throw new Error(`worker/schema.js says nothing of ${type}.${name}`);
      return `| \`${name}\` | ${cell(expected)} | ${cell(told.get(name))} |`;
    });
    return `## ${calls}\n\n${about}\n\n| option | value | effect |\n|---|---|---|\n${rows.join('\n')}\n`;
  });
  return `---\ntitle: Options\ngroup: Reference\n---\n# Options\n\nAn option that does not exist, or has a wrong value, is an \`invalid_argument\`.\n\n${parts.join('\n')}`;
}

async function errors() {
  const source = await readFile(join(ROOT, 'worker/error.js'), 'utf8');
  const rows = [...source.matchAll(/^ \* (\|.*\|)$/gm)].map(([, row]) => row);
  const text = 'Every error is a `BitNetError`. Its `code` is stable and there to switch on, its `message` a sentence to show, its `details` the numbers and names behind it; where a server\'s answer is the reason, `details.status` is its HTTP status. An aborted call rejects with its signal\'s reason instead.';
  return `---\ntitle: Errors\ngroup: Reference\n---\n# Errors\n\n${text}\n\n${rows.join('\n')}\n`;
}

await mkdir(join(DOCS, 'generated'), { recursive: true });
await writeFile(join(DOCS, 'generated/options.md'), await options());
await writeFile(join(DOCS, 'generated/errors.md'), await errors());
const { page, charts } = historyPage(await readFile(join(ROOT, 'benches/history.jsonl'), 'utf8'));
await writeFile(join(DOCS, 'generated/history.md'), page);
for (const { name, svg } of charts) await writeFile(join(DOCS, 'generated', name), svg);

const { exports } = JSON.parse(await readFile(join(ROOT, 'dist/package.json'), 'utf8'));
const doors = Object.values(exports).flatMap((target) => (typeof target === 'object' ? [target.types.slice(2)] : []));
// The workers' scripts are to be started, not to be called.
const entryPoints = doors.filter((file) => !['engine.d.ts', 'compute.d.ts'].includes(file)).map((file) => join(ROOT, 'dist', file));
const [out, flag] = process.argv.slice(2);
const { navigationLinks: links } = JSON.parse(await readFile(join(DOCS, 'typedoc.json'), 'utf8'));
const navigationLinks = flag === '--internals' ? { ...links, Internals: '#site:docs/internals/bitnet_web/index.html' } : links;
const app = await Application.bootstrapWithPlugins({ options: join(DOCS, 'typedoc.json'), entryPoints, navigationLinks, out: resolve(out) });
const project = await app.convert();
if (project === undefined) process.exit(1);
app.validate(project);
if (app.logger.hasErrors() || app.logger.validationWarningCount > 0) process.exit(1);
await app.generateOutputs(project);
if (app.logger.hasErrors() || app.logger.hasWarnings()) process.exit(1);
