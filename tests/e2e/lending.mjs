// The demo model behind the addresses of real models, for tests of what readers copy.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { ROOT } from './harness.mjs';

/** The file of the demo model. */
export const MODEL = join(ROOT, 'www/models/demo.gguf');

/**
 * Puts the demo model, or another file, behind every address that matches, as a hub serves it: to other origins, in ranges.
 * @param {import('playwright-core').BrowserContext} context
 * @param {string} [addresses]
 * @param {string} [file]
 */
export async function lendModel(context, addresses = 'https://huggingface.co/**', file = MODEL) {
  const model = await readFile(file);
  await context.route(addresses, (route) => {
    const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(route.request().headers().range ?? '') ?? [];
    const [start, end] = [Number(from ?? 0), to ? Math.min(Number(to) + 1, model.length) : model.length];
    const headers = {
      'Access-Control-Allow-Origin': '*',
      'Access-Control-Allow-Headers': '*',
      'Access-Control-Expose-Headers': '*',
      'Accept-Ranges': 'bytes',
      ETag: '"one"',
      ...(from && { 'Content-Range': `bytes ${start}-${end - 1}/${model.length}` }),
    };
    return route.fulfill({ status: from ? 206 : 200, headers, contentType: 'application/octet-stream', body: model.subarray(start, end) });
  });
}
