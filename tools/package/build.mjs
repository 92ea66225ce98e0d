// Makes the npm package in dist/ of the modules in worker/, once the wasm is there: `cargo xtask build` runs it.
//
//   node tools/package/build.mjs VERSION REPOSITORY
//
// * engine.js and compute.js become one file each, so that copying them is enough wherever no bundler follows their imports.
// * index.js and the other doors of worker/package.json share what they have in common, so that there is one class BitNetError.
// * types/ holds the declarations that a door leads to, and no others.
// * package.json is written last: a folder without it cannot be packed.
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { existsSync } from 'node:fs';
import * as esbuild from 'esbuild';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const WORKER = join(ROOT, 'worker');
const DIST = join(ROOT, 'dist');
/** Scripts that are started as workers. */
const WORKERS = ['engine.js', 'compute.js'];
/** For the pages of this repository alone: not among the exports, and not packed. */
const INTERNAL = ['bench.js', 'inspect.js', 'prefix.js'];

const [version, repository] = process.argv.slice(2);
const manifest = JSON.parse(await readFile(join(WORKER, 'package.json'), 'utf8'));
const { name } = manifest;

/** The scripts behind the package's doors. @type {string[]} */
const doors = Object.values(manifest.exports).flatMap((target) => (typeof target === 'object' ? [target.default.slice(2)] : []));

/**
 * Where the source of a door lies: in worker/ or, of an adapter, in worker/adapters/.
 * @param {string} script
 */
function sourceOf(script) {
  const places = [join(WORKER, script), join(WORKER, 'adapters', script)];
  const found = places.find((file) => existsSync(file));
  if (found === undefined) throw new Error(`worker/package.json exports ${script}, which is neither in worker/ nor in worker/adapters/`);
  return found;
}

/** The glue of both builds is generated into dist/wasm/, beside the wasm. @type {esbuild.Plugin} */
const glue = {
  name: 'glue',
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/wasm\/.*\.js$/ }, ({ path, resolveDir }) => {
      const inWorker = relative(WORKER, resolve(resolveDir, path));
      return inWorker.startsWith('..') ? undefined : { path: join(DIST, inWorker) };
    }),
};

/** @type {esbuild.BuildOptions} */
const COMMON = {
  absWorkingDir: ROOT,
  outdir: DIST,
  bundle: true,
  format: 'esm',
  target: 'es2023',
  sourcemap: 'linked',
  sourcesContent: true,
  // What worker/package.json says of side effects is true of the package, not of its sources.
  ignoreAnnotations: true,
  // The doors of an adapter name its host package, which the app brings.
  packages: 'external',
  plugins: [glue],
  logLevel: 'warning',
};

async function bundle() {
  for (const script of WORKERS) await esbuild.build({ ...COMMON, entryPoints: [sourceOf(script)] });
  const entryPoints = [...doors.filter((script) => !WORKERS.includes(script)), ...INTERNAL].map((script) => ({
    in: sourceOf(script),
    out: script.replace(/\.js$/, ''),
  }));
  await esbuild.build({ ...COMMON, entryPoints, splitting: true, chunkNames: 'shared-[hash]' });
}

/**
 * JSDoc can only give a type a second name; in the declarations it is the type itself, with its own documentation.
 * @param {string} file
 */
async function reexport(file) {
  const text = await readFile(file, 'utf8');
  const lines = [...text.matchAll(/^export type (\w+) = import\("?'?(\.\/[\w/-]+\.js)"?'?\)\.(\w+);$/gm)];
  if (lines.length === 0 || lines.some(([, name, , original]) => name !== original)) throw new Error(`${file} is not what was expected`);
  await writeFile(file, `${lines.map(([, name, module]) => `export type { ${name} } from '${module}';`).join('\n')}\n`);
}

/** The declarations of worker/, of which those stay that a door leads to. */
async function declare() {
  const types = join(DIST, 'types');
  await rm(types, { recursive: true, force: true });
  const tsc = [join(ROOT, 'node_modules/typescript/bin/tsc'), '--project', 'tsconfig.types.json', '--outDir', types];
  execFileSync(process.execPath, tsc, { cwd: ROOT, stdio: 'inherit' });
  await reexport(join(types, 'types.d.ts'));
  /** @type {Set<string>} */
  const wanted = new Set();
  const visit = async (/** @type {string} */ file) => {
    if (wanted.has(file)) return;
    wanted.add(file);
    const text = await readFile(file, 'utf8');
    for (const [, name] of text.matchAll(/(?:from|import\()\s*["'](\.[^"']+)\.js["']/g)) {
      const next = resolve(dirname(file), `${name}.d.ts`);
      // The glue's declarations stay behind: only the engine reads them.
      if (!next.includes(join('types', 'wasm'))) await visit(next);
    }
  };
  for (const script of doors) {
    const declaration = relative(WORKER, sourceOf(script)).replace(/\.js$/, '.d.ts').replaceAll('\\', '/');
    await visit(join(types, declaration));
    // The comment names the module in the documentation as an app imports it.
    const address = [name, ...script === 'index.js' ? [] : [script.replace(/\.js$/, '')]].join('/');
    const door = `/** @module ${address} */\nexport * from './types/${declaration.replace(/\.d\.ts$/, '.js')}';\n`;
    await writeFile(join(DIST, script.replace(/\.js$/, '.d.ts')), door);
  }
  for (const entry of await readdir(types, { recursive: true, withFileTypes: true })) {
    const file = join(entry.parentPath, entry.name);
    if (entry.isFile() && !wanted.has(file)) await rm(file);
  }
}

/** package.json as npm gets it. */
async function describe() {
  const { name: _, ...rest } = manifest;
  const published = {
    name,
    version,
    ...rest,
    repository: { type: 'git', url: `git+${repository}.git` },
    homepage: `${repository}#readme`,
    bugs: `${repository}/issues`,
  };
  await writeFile(join(DIST, 'package.json'), `${JSON.stringify(published, undefined, 2)}\n`);
}

/** A chunk of an earlier build must not ship for ever. */
async function clear() {
  await mkdir(DIST, { recursive: true });
  for (const name of await readdir(DIST)) if (/\.(js|js\.map|d\.ts|json)$/.test(name)) await rm(join(DIST, name));
}

await clear();
await bundle();
await declare();
await describe();
