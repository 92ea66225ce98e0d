// The examples name this package as any app does, in a version that no registry may have yet. For a test, and for their lock file,
// they are copied without that line; the test puts the packed package into the copy's node_modules/ itself.
//
//   node tools/package/examples.mjs      writes examples/package-lock.json anew, after a change of an example's dependencies
import { execFileSync } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Where the examples lie. */
export const EXAMPLES = resolve(dirname(fileURLToPath(import.meta.url)), '../../examples');
const LOCK = 'package-lock.json';

/** The names of the examples. @returns {Promise<string[]>} */
export async function examples() {
  return JSON.parse(await readFile(join(EXAMPLES, 'package.json'), 'utf8')).workspaces;
}

/**
 * Copies every example, and the lock file of all of them, into a folder.
 * @param {string} folder
 */
export async function copyExamples(folder) {
  const names = await examples();
  const isSource = (/** @type {string} */ path) => !/[\\/](node_modules|dist|\.next)$/.test(path);
  for (const name of [...names, 'package.json', LOCK, '.npmrc']) {
    await cp(join(EXAMPLES, name), join(folder, name), { recursive: true, filter: isSource });
  }
  for (const name of names) {
    const file = join(folder, name, 'package.json');
    const { dependencies: { 'bitnet-web': _, ...dependencies }, ...manifest } = JSON.parse(await readFile(file, 'utf8'));
    await writeFile(file, JSON.stringify({ ...manifest, dependencies }));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = await mkdtemp(join(tmpdir(), 'bitnet-web-lock-'));
  await copyExamples(folder);
  await rm(join(folder, LOCK), { force: true });
  execFileSync('npm', ['install', '--package-lock-only', '--ignore-scripts'], { cwd: folder, stdio: 'inherit' });
  await cp(join(folder, LOCK), join(EXAMPLES, LOCK));
  await rm(folder, { recursive: true, force: true });
}
