// Runs in Node on an ARM processor (`cargo xtask test --arm`): every kernel gives the reference's bits, and both builds give
// the logits hashes that x86 gives.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The self test compares more results than these: 160 products with each kernel, and what other routines give. */
const RESULTS = { relaxed: 640, simd128: 320 };
/** Each file with one kernel, so that each kernel has one. */
const KERNELS = /** @type {const} */ ({
  relaxed: { 'gqa1-tq2_0.gguf': 'relaxed', 'gqa4-hd128-tq1_0.gguf': 'relaxed16', 'tiny-bf16.gguf': 'lut', 'demo.gguf': 'relaxed' },
  simd128: { 'gqa1-i2_s.gguf': 'mad', 'tiny-silu-i2_s.gguf': 'lut', 'demo.gguf': 'lut' },
});
const MAXIMUM_PAGES = 16384;

assert.equal(process.arch, 'arm64');
const golden = JSON.parse(await readFile(join(ROOT, 'tests/fixtures/logits-hashes.json'), 'utf8'));
Reflect.set(globalThis, 'bitnetPanic', (/** @type {string} */ message) => console.error(message));

for (const variant of /** @type {const} */ (['relaxed', 'simd128'])) {
  const folder = join(ROOT, 'dist/wasm', variant);
  const glue = await import(join(folder, 'bitnet_web.js'));
  const module_or_path = await WebAssembly.compile(await readFile(join(folder, 'bitnet_web_bg.wasm')));
  await glue.default({ module_or_path, memory: new WebAssembly.Memory({ initial: 256, maximum: MAXIMUM_PAGES, shared: true }) });
  glue.prepare(MAXIMUM_PAGES);

  const { cases, failures } = glue.selfTest(new glue.WasmPool(1), 1);
  assert.deepEqual(failures, []);
  assert.ok(cases > RESULTS[variant], `only ${cases} results`);
  console.log(`${variant}: ${cases} results of the self test are as defined`);

  for (const [file, kernel] of Object.entries(KERNELS[variant])) {
    const bytes = await readFile(join(ROOT, file === 'demo.gguf' ? 'www/models' : 'tests/fixtures/models', file));
    for (const precision of ['exact', 'fast']) {
      const options = { kernel, precision };
      const model = await glue.load({ blob: new Blob([bytes]), name: file }, options, new glue.WasmPool(1), () => {});
      assert.equal(model.logitsHash(), golden[file][precision], `${variant}, ${file}, ${kernel}, ${precision}`);
      model.free();
    }
    console.log(`${variant}: ${file} has the logits hashes of x86, with ${kernel}`);
  }
}
process.exit(0); // a clock of the engine may still run
