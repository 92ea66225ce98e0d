// Whether a packed package is fit to be published: what publint and are-the-types-wrong find in the tarball.
//
//   node tools/package/check.mjs TARBALL
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const ATTW = join(ROOT, 'node_modules/@arethetypeswrong/cli/dist/index.js');

/**
 * @param {string} tarball
 * @returns {Promise<string[]>} a sentence for each fault
 */
export async function faultsOf(tarball) {
  const bytes = await readFile(tarball);
  const { messages, pkg } = await publint({ pack: { tarball: /** @type {ArrayBuffer} */ (new Uint8Array(bytes).buffer) }, strict: true });
  const faults = messages.map((message) => `publint: ${formatMessage(message, pkg)}`);
  const args = [ATTW, tarball, '--profile', 'esm-only', '--format', 'json', '--no-definitely-typed'];
  // It ends in an error where it finds a problem, and tells the problem all the same.
  const { stdout } = await promisify(execFile)(process.execPath, args).catch((error) => error);
  const { analysis, problems = {} } = JSON.parse(stdout);
  if (analysis.types.kind !== 'included') faults.push('are-the-types-wrong: the package has no types');
  for (const [kind, found] of Object.entries(problems)) {
    // The package is made of ES modules: `import()` and Node's `require` of such modules load it from CommonJS.
    if (kind !== 'CJSResolvesToESM') faults.push(`are-the-types-wrong: ${kind}: ${JSON.stringify(found, (key, value) => (key === 'trace' ? undefined : value))}`);
  }
  return faults;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const faults = await faultsOf(process.argv[2]);
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
