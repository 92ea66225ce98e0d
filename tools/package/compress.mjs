// Brotli and gzip files beside the originals, for hosts that send what lies ready: `cargo xtask site` runs it. Or what files weigh on
// the way to a page, in kB: `cargo xtask build` does.
//
//   node tools/package/compress.mjs FOLDER
//   node tools/package/compress.mjs --weigh FILE...
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

/** What a host would compress itself; pictures and models are dense already. */
const KINDS = /\.(html|css|js|json|svg|txt|wasm|webmanifest)$/;
/** A larger one, which only who asks for it gets, is compressed less: it would take half a minute. */
const MOST = 6_000_000;
/** A smaller file takes one packet in any case. */
const LEAST = 1400;

/** @param {Buffer} bytes */
function brotli(bytes) {
  const params = { [constants.BROTLI_PARAM_QUALITY]: bytes.length > MOST ? 6 : 11, [constants.BROTLI_PARAM_LGWIN]: 22, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return promisify(brotliCompress)(bytes, { params });
}

/** @param {number} bytes */
function kilobytes(bytes) {
  return `${Math.round(bytes / 1000)} kB`;
}

/** @param {string[]} files */
async function weigh(files) {
  for (const file of files) {
    const bytes = await readFile(file);
    const packed = await promisify(gzip)(bytes, { level: 9 });
    console.log(`${relative('.', file)}: ${kilobytes(bytes.length)} raw, ${kilobytes(packed.length)} gzip, ${kilobytes((await brotli(bytes)).length)} brotli`);
  }
}

/** @param {string} folder */
async function compress(folder) {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (!entry.isFile() || !KINDS.test(entry.name)) continue;
    const bytes = await readFile(file);
    if (bytes.length < LEAST) continue;
    for (const [ending, packed] of /** @type {const} */ ([['br', await brotli(bytes)], ['gz', await promisify(gzip)(bytes, { level: 9 })]]))
      if (packed.length < bytes.length) await writeFile(`${file}.${ending}`, packed);
  }
}

const [first, ...files] = process.argv.slice(2);
await (first === '--weigh' ? weigh(files) : compress(first));
