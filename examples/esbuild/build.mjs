import { cp } from 'node:fs/promises';
import { build } from 'esbuild';

await build({ entryPoints: ['main.js'], bundle: true, format: 'esm', outdir: 'public' });

// esbuild does not follow `new Worker`: the workers and their wasm are copied to beside the bundle.
for (const name of ['engine.js', 'compute.js', 'wasm']) {
  await cp(new URL(name, import.meta.resolve('bitnet-web')), `public/${name}`, { recursive: true });
}
