// The page that other-browsers.test.mjs opens in a browser that nobody drives: it runs the library on a small model, then a
// chat on the real page, in a frame, and posts the results.
// @ts-expect-error an address of the test's server
import { BitNet } from '/dist/index.js';

const MODEL = '/fixtures/gqa1-i2_s.gguf';
const KERNELS = /** @type {const} */ ({ relaxed: ['lut', 'mad', 'relaxed', 'relaxed16'], simd128: ['lut', 'mad'] });

/** @typedef {import('../../worker/variant.js').Variant} Variant */

/** The logits hash of every kernel of the build, or the code of the error that says it does not run here. @param {Variant} variant */
async function hashes(variant) {
  /** @type {Record<string, string>} */
  const found = {};
  for (const kernel of KERNELS[variant]) {
    for (const threads of [1, 2]) {
      try {
        const model = await BitNet.load(MODEL, { variant, kernel, threads, precision: 'exact', cache: false });
        found[`${kernel} ${model.info.threads}`] = await model.logitsHash();
        await model.unload();
      } catch (error) {
        return /** @type {{ code?: string }} */ (error).code ?? String(error);
      }
    }
  }
  return found;
}

/**
 * Looks until there is something.
 * @template T
 * @param {string} what
 * @param {() => T | null | undefined | false} look
 * @returns {Promise<T>}
 */
async function until(what, look) {
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 50))) {
    const seen = look();
    if (seen) return seen;
  }
  throw new Error(`waited in vain for ${what}`);
}

/** Two turns with the model that ships: the first from the address of the page, the second typed. */
async function chat() {
  const frame = document.body.appendChild(document.createElement('iframe'));
  frame.style.cssText = 'width: 100%; height: 700px; border: 0';
  const question = 'What is the capital of Japan?';
  frame.src = `/?temperature=0&prompt=${encodeURIComponent(question)}`;
  const page = () => /** @type {Document} */ (frame.contentDocument);
  /** @param {string} id */
  const all = (id) => [.../** @type {NodeListOf<HTMLElement>} */ (page().querySelectorAll(`[data-testid="${id}"]`))];
  const answers = (/** @type {number} */ count) =>
    until(`answer ${count}`, () => {
      const turns = all('turn-assistant');
      return turns.length === count && turns[count - 1].getAttribute('aria-busy') === 'false' && turns[count - 1].dataset.state;
    });
  const first = await answers(1);
  const prompt = /** @type {HTMLTextAreaElement} */ (all('prompt')[0]);
  prompt.value = 'What is 347 + 285?';
  prompt.dispatchEvent(new Event('input', { bubbles: true }));
  await until('the button', () => !(/** @type {HTMLButtonElement} */ (all('send')[0]).disabled));
  all('send')[0].click();
  const states = [first, await answers(2)];
  return {
    states,
    answers: all('turn-text').map((turn) => turn.textContent),
    stats: all('stats').map((stats) => stats.textContent),
    info: all('info')[0].textContent,
    notices: all('notices')[0].textContent?.trim(),
  };
}

/** @type {Record<string, unknown>} */
const report = { userAgent: navigator.userAgent, isolated: self.crossOriginIsolated };
try {
  report.relaxed = await hashes('relaxed');
  report.simd128 = await hashes('simd128');
  report.chat = await chat();
} catch (error) {
  report.error = String(error);
}
await fetch('/posted', { method: 'POST', body: JSON.stringify(report) });
