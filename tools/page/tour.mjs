// Makes docs/pictures/tour.webp, the walk through the pages in README.md: the built pages in a real browser, a picture of each stop, and
// all of them in one animated WebP.
//
//   cargo xtask build && node tools/page/tour.mjs
//
// Speeds in it are those of the machine and build that it is made with: take a release build, and a machine that does nothing else.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { launch, openPage, ROOT, startDemo } from '../../tests/e2e/harness.mjs';

/** @import { Page } from 'playwright-core' */

const SIZE = { width: 960, height: 600 };
const QUALITY = 0.82;
/** Bytes that the file may have: it is a part of the repository. */
const MOST_BYTES = 1_000_000;

/** @type {{ picture: Buffer, ms: number }[]} */
const frames = [];

/** @param {Page} page @param {number} ms how long it is shown */
async function show(page, ms) {
  frames.push({ picture: await page.screenshot(), ms });
}

/** @param {Page} page @param {string} text @param {number} pictures of the answer while it is written */
async function ask(page, text, pictures) {
  await page.getByTestId('prompt').fill(text);
  await show(page, 900);
  await page.keyboard.press('Enter');
  const busy = page.locator('[data-testid="turn-assistant"]:last-child[aria-busy="true"]');
  for (let i = 0; i < pictures && (await busy.count()); i++) {
    await page.waitForTimeout(60);
    await show(page, 180);
  }
  await page.waitForSelector('[data-testid="turn-assistant"]:last-child[aria-busy="false"]');
  await page.waitForTimeout(600);
  await show(page, 1600);
}

/** @param {Page} page @param {string} address */
async function tour(page, address) {
  await page.waitForSelector('body[data-status="ready"]');
  await page.waitForTimeout(600);
  await show(page, 1600);
  await ask(page, 'Tell me a funny story about a dragon in a library.', 6);
  await page.getByTestId('details').last().click();
  await page.getByTestId('token').nth(8).click();
  await page.getByTestId('candidate').first().waitFor();
  await page.waitForTimeout(400);
  await show(page, 2600);
  await page.keyboard.press('Escape');
  await page.locator('#open-work').click();
  await page.getByTestId('work-speed').waitFor();
  await ask(page, 'What is 17 x 18?', 4);
  await page.getByTestId('close-work').click();
  await page.locator('#open-models').click();
  await page.locator('#models .sheet-body').evaluate((body) => body.scrollTo(0, (document.getElementById('gallery-title')?.offsetTop ?? 0) - 80));
  await page.waitForTimeout(400);
  await show(page, 2600);
  await page.goto(`${address}/lanes.html`);
  await page.waitForSelector('body[data-ready]');
  await page.getByTestId('start').click();
  await page.locator('[data-testid="verdict"][data-hash]').waitFor();
  await page.getByTestId('verdict').evaluate((verdict) => verdict.scrollIntoView());
  await show(page, 2600);
  await page.goto(`${address}/bench.html?compare=no`);
  await page.getByTestId('start').click();
  await page.getByText('Done', { exact: true }).waitFor({ timeout: 120_000 });
  await page.locator('#result').evaluate((result) => result.scrollIntoView());
  await page.waitForTimeout(400);
  await show(page, 2800);
}

/**
 * The compressed image of a picture, as a browser makes it: the chunk "VP8 " of a WebP file.
 * @param {Page} page a blank one
 * @param {Buffer} picture PNG
 */
async function encode(page, picture) {
  const encoded = await page.evaluate(
    async ([png, quality]) => {
      const bitmap = await createImageBitmap(await (await fetch(`data:image/png;base64,${png}`)).blob());
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/webp', quality: Number(quality) })).arrayBuffer());
      return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
    },
    /** @type {const} */ ([picture.toString('base64'), QUALITY]),
  );
  const file = Buffer.from(encoded, 'base64');
  for (let at = 12; at + 8 <= file.length; at += 8 + file.readUInt32LE(at + 4) + (file.readUInt32LE(at + 4) % 2))
    if (file.toString('latin1', at, at + 4) === 'VP8 ') return file.subarray(at + 8, at + 8 + file.readUInt32LE(at + 4));
  throw new Error('the browser made no lossy WebP');
}

/** @param {string} name of four letters @param {Buffer} content */
function chunk(name, content) {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(content.length, 4);
  return Buffer.concat([head, content, Buffer.alloc(content.length % 2)]);
}

/**
 * An animated WebP, as https://developers.google.com/speed/webp/docs/riff_container describes it.
 * @param {{ image: Buffer, ms: number }[]} images of the same size, opaque
 */
function animation(images) {
  const extended = Buffer.alloc(10);
  extended[0] = 0x02; // has an animation
  extended.writeUIntLE(SIZE.width - 1, 4, 3);
  extended.writeUIntLE(SIZE.height - 1, 7, 3);
  const loop = Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0]); // white behind it, for ever
  const all = images.map(({ image, ms }) => {
    const frame = Buffer.alloc(16); // at 0, 0
    frame.writeUIntLE(SIZE.width - 1, 6, 3);
    frame.writeUIntLE(SIZE.height - 1, 9, 3);
    frame.writeUIntLE(ms, 12, 3);
    frame[15] = 0x02; // replaces the one before
    return chunk('ANMF', Buffer.concat([frame, chunk('VP8 ', image)]));
  });
  return chunk('RIFF', Buffer.concat([Buffer.from('WEBP', 'latin1'), chunk('VP8X', extended), chunk('ANIM', loop), ...all]));
}

const server = await startDemo({ isolated: true });
const browser = await launch();
try {
  const { page, complaints } = await openPage(browser, `${server.origin}/?temperature=0&maxTokens=160`, { viewport: SIZE, reducedMotion: 'reduce', colorScheme: 'light', locale: 'en' });
  await tour(page, server.origin);
  if (complaints.length) throw new Error(complaints.join('\n'));
  await page.goto(`${server.origin}/blank.html`);
  const images = [];
  for (const { picture, ms } of frames) images.push({ image: await encode(page, picture), ms });
  const file = animation(images);
  if (file.length > MOST_BYTES) throw new Error(`${file.length} bytes in ${frames.length} pictures, at most ${MOST_BYTES} expected`);
  await writeFile(join(ROOT, 'docs/pictures/tour.webp'), file);
  console.log(`docs/pictures/tour.webp: ${frames.length} pictures, ${file.length} bytes`);
} finally {
  await browser.close();
  await server.close();
}
