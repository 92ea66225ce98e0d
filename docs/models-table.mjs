// The table of published models in models.md, from the list that the chat page offers them from.
//
//   node docs/models-table.mjs            prints it
//   node docs/models-table.mjs --write    puts it into models.md
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { PUBLISHED_MODELS } from '../www/app/published-models.js';

/** @import { PublishedModel } from '../www/app/published-models.js' */

const DOCUMENT = new URL('models.md', import.meta.url);
const [BEGIN, END] = ['<!-- begin: node docs/models-table.mjs --write -->', '<!-- end -->'];

/** @param {number | null} bytes */
const size = (bytes) => {
  if (bytes === null) return 'as the file says';
  return bytes < 1e8 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
};

/** @param {PublishedModel} model */
function row({ name, source, format, bytes, weightBytes, kvBytesPerToken, context, licence, measured }) {
  const repository = source.split(':')[1].split('/').slice(0, 2).join('/');
  return [
    `[${name}](https://huggingface.co/${repository})`,
    bytes === null ? format : `${format}, ${size(bytes)}`,
    size(weightBytes),
    size(kvBytesPerToken && kvBytesPerToken * 1024),
    context ?? 'as the file says',
    measured ? `${size(measured.memoryBytes)}, ${measured.processorSeconds}` : '',
    licence,
  ];
}

/** The table, with a line break at its end. */
export function modelsTable() {
  const heads = [
    'model', 'file', 'weights in memory', 'keys and values of 1024 tokens', 'trained context',
    'its shape, loaded here: memory, processor seconds a token', 'licence',
  ];
  const rows = [heads, heads.map(() => '---'), ...PUBLISHED_MODELS.map(row)];
  return rows.map((cells) => `| ${cells.join(' | ')} |\n`).join('');
}

/** @param {string} text of models.md @returns {string} the same with the table of today */
export function withTable(text) {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error('models.md has no place for the table');
  return `${text.slice(0, begin)}${BEGIN}\n\n${modelsTable()}\n${text.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv.includes('--write')) await writeFile(DOCUMENT, withTable(await readFile(DOCUMENT, 'utf8')));
  else process.stdout.write(modelsTable());
}
