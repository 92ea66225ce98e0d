/** The page that sets two runs of one prompt side by side: threads, kernels, precision or models. */
import { BitNet } from './dist/index.js';
import { isolate } from './coi.js';
import { isAbort } from './app/answer.js';
import { byId, replaceShown } from './app/dom.js';
import { inLanguage } from './app/format.js';
import { Notices } from './app/notices.js';
import * as settings from './app/settings.js';
import { applyTexts, t, useLanguage } from './app/texts.js';
import { Lane } from './lanes/lane.js';
import { verdictOf } from './lanes/verdict.js';

const MOST_THREADS = 16;

settings.allowKernels(BitNet.kernels);
await useLanguage([settings.language(), ...navigator.languages].filter((tag) => tag !== ''));
applyTexts(document);
document.title = t('lanes.pageTitle');
await isolate();

const notices = new Notices();
const most = self.crossOriginIsolated ? Math.max(2, Math.min(MOST_THREADS, navigator.hardwareConcurrency || 2)) : 1;
const a = new Lane(byId('lane-a'), 'A', BitNet.kernels, most);
const b = new Lane(byId('lane-b'), 'B', BitNet.kernels, most);
// The question that most visitors have: what do threads bring? With one thread alone: what do kernels bring?
a.set({ threads: most > 1 ? '1' : '' });
b.set(most > 1 ? { threads: String(Math.min(most, 4)) } : { kernel: 'mad' });
/** @type {AbortController | null} */
let running = null;

byId('lanes-plan').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!running) void run();
});
byId('stop').addEventListener('click', () => running?.abort(new DOMException('The runs were stopped.', 'AbortError')));
document.body.dataset.ready = 'true';

async function run() {
  const prompt = byId('lanes-prompt', HTMLTextAreaElement).value.trim();
  if (!prompt) return byId('lanes-prompt').focus();
  const maxTokens = Number(byId('lanes-tokens', HTMLInputElement).value) || 64;
  const together = byId('lanes-mode', HTMLSelectElement).value === 'together';
  const control = new AbortController();
  const { signal } = control;
  running = control;
  drawRunning(true);
  notices.clear();
  byId('verdict').replaceChildren();
  for (const lane of [a, b]) lane.clear();
  try {
    const outcomes = together ? await runTogether(prompt, maxTokens, signal) : await runInTurn(prompt, maxTokens, signal);
    drawVerdict(verdictOf(...outcomes));
  } catch (error) {
    // One lane's error ends the other one, too.
    control.abort(error);
    for (const lane of [a, b]) lane.stop(isAbort(error) ? t('turn.stopped') : '');
    if (!isAbort(error)) notices.error(error);
  }
  await Promise.allSettled([a.unload(), b.unload()]);
  running = null;
  drawRunning(false);
}

/**
 * One lane after the other, so that neither takes the other's processor or memory.
 * @param {string} prompt
 * @param {number} maxTokens
 * @param {AbortSignal} signal
 */
async function runInTurn(prompt, maxTokens, signal) {
  /** @type {import('./lanes/lane.js').Outcome[]} */
  const outcomes = [];
  for (const lane of [a, b]) {
    await lane.load(BitNet, signal);
    outcomes.push(await lane.run(prompt, maxTokens, signal));
    await lane.unload();
  }
  return /** @type {const} */ ([outcomes[0], outcomes[1]]);
}

/** @param {string} prompt @param {number} maxTokens @param {AbortSignal} signal */
async function runTogether(prompt, maxTokens, signal) {
  await a.load(BitNet, signal);
  await b.load(BitNet, signal);
  return Promise.all([a.run(prompt, maxTokens, signal), b.run(prompt, maxTokens, signal)]);
}

/** @param {import('./lanes/verdict.js').Verdict} verdict */
function drawVerdict({ hash, text, speed }) {
  const sentences = [
    t(`verdict.hash.${hash}`),
    t(`verdict.text.${text}`),
    speed ? t('verdict.faster', { name: speed.faster.toUpperCase(), times: inLanguage(speed.times.toFixed(2)) }) : t('verdict.equal'),
  ];
  byId('verdict').textContent = sentences.join(' ');
  byId('verdict').dataset.hash = hash;
}

/** @param {boolean} on */
function drawRunning(on) {
  const [gone, shown] = on ? [byId('start'), byId('stop')] : [byId('stop'), byId('start')];
  replaceShown(gone, shown);
  const fields = [byId('lanes-prompt'), byId('lanes-tokens'), byId('lanes-mode'), ...a.fields, ...b.fields];
  for (const field of fields) /** @type {HTMLInputElement} */ (field).disabled = on;
}
