/**
 * The benchmark page: takes the plan from the form or the link, runs it, shows it. A link may carry model, threads,
 * kernel, precision, cache (see app/link.js), compare=no, wllama=yes and start=yes.
 */
import { BitNet } from './dist/index.js';
import * as tools from './dist/bench.js';
import { isolate } from './coi.js';
import { byId, h, replaceShown } from './app/dom.js';
import { isAbort } from './app/answer.js';
import { absolute, CATALOG, isOwn, nameOf } from './app/catalog.js';
import { bytes as inUnits } from './app/format.js';
import { fillKernels } from './app/kernels.js';
import { parseLink } from './app/link.js';
import { Notices } from './app/notices.js';
import * as settings from './app/settings.js';
import { applyTexts, t, useLanguage } from './app/texts.js';
import { Choices } from './bench/choices.js';
import { measure } from './bench/measure.js';
import { needsRepacking } from './bench/peer.js';
import { Report } from './bench/report.js';

const MOST_THREADS = 16;

const query = new URLSearchParams(location.search);
const link = parseLink(location.search);
await useLanguage([settings.language(), ...navigator.languages].filter((tag) => tag !== ''));
applyTexts(document);
document.title = t('bench.pageTitle');
const notices = new Notices();
const report = new Report();
const choices = new Choices(tools.kernelsHere());
const model = byId('model', HTMLSelectElement);
const address = byId('address', HTMLInputElement);
const file = byId('file', HTMLInputElement);
/** @type {AbortController | null} */
let running = null;

settings.allowKernels(BitNet.kernels);
fillKernels(byId('kernel', HTMLSelectElement), BitNet.kernels);
fillForm();
followForm();
byId('plan').addEventListener('change', followForm);
byId('plan').addEventListener('submit', (event) => {
  event.preventDefault();
  if (!running) void run();
});
byId('stop').addEventListener('click', () =>
  running?.abort(new DOMException('The benchmark was stopped.', 'AbortError')),
);
model.addEventListener('change', () => {
  byId('address-row').hidden = model.value !== 'address';
  if (model.value === 'address') address.focus();
  if (model.value === 'file') file.click();
});
file.addEventListener('change', () => {
  const option = /** @type {HTMLOptionElement} */ (model.querySelector('[value="file"]'));
  option.textContent = file.files?.[0]?.name ?? t('bench.file');
});
const ready = isolate();
void ready.then(() => {
  fillThreads();
  // A link may start what its own site serves; of any other host nothing is asked before a click.
  if (query.get('start') !== 'yes') return;
  if (link.model === null || isOwn(link.model)) void run();
  else notices.remark(t('bench.elsewhere', { address: link.model }));
});

/** The choices of the form that are known at once; those of threads follow when it is known whether the page is isolated. */
function fillForm() {
  const offers = CATALOG.filter(({ task }) => task !== 'embedding').map(({ name, source, bytes }) =>
    h('option', { value: source }, bytes ? t('bench.download', { name, size: inUnits(bytes) }) : name),
  );
  model.replaceChildren(
    ...offers,
    h('option', { value: 'address' }, t('bench.anAddress')),
    h('option', { value: 'file' }, t('bench.file')),
  );
  if (link.model) {
    const offer = CATALOG.find(({ source }) => source === link.model);
    model.value = offer?.source ?? 'address';
    address.value = offer ? '' : link.model;
  }
  byId('address-row').hidden = model.value !== 'address';
  const { kernel, precision } = settings.merged(settings.DEFAULTS, link.settings);
  byId('kernel', HTMLSelectElement).value = kernel;
  byId('precision', HTMLSelectElement).value = precision;
  byId('compare', HTMLInputElement).checked = query.get('compare') !== 'no';
  byId('peer', HTMLInputElement).checked = query.get('wllama') === 'yes';
}

/** What depends on other fields of the form. */
function followForm() {
  byId('settings').hidden = !byId('compare', HTMLInputElement).checked;
  const offer = CATALOG.find(({ source }) => source === model.value);
  choices.follow({
    threads: byId('threads', HTMLSelectElement).value,
    precision: byId('precision', HTMLSelectElement).value,
    parameters: offer?.parameters ?? null,
  });
  const repacks = offer !== undefined && needsRepacking(offer.format);
  byId('peer-help').textContent = `${t('peer.help')} ${repacks ? t('peer.cannot', { type: offer.format }) : ''}`.trim();
}

function fillThreads() {
  const select = byId('threads', HTMLSelectElement);
  const { threads } = settings.merged(settings.DEFAULTS, link.settings);
  const most = self.crossOriginIsolated
    ? Math.max(2, threads ?? 0, Math.min(MOST_THREADS, navigator.hardwareConcurrency || 2))
    : 1;
  choices.offerThreads(most);
  const numbers = Array.from({ length: most }, (_, i) => String(i + 1));
  select.replaceChildren(h('option', { value: '' }, t('settings.automaticChoice')), ...numbers.map((n) => h('option', { value: n }, n)));
  select.value = threads && threads <= most ? String(threads) : '';
  followForm();
}

/** @returns {import('./app/api.js').Source | null} what the form names */
function chosenSource() {
  if (model.value === 'file') return file.files?.[0] ?? null;
  const text = model.value === 'address' ? address.value.trim() : model.value;
  return text ? absolute(text) : null;
}

async function run() {
  await ready;
  notices.clear();
  const source = chosenSource();
  if (!source) {
    notices.remark(t('bench.noModel'));
    return;
  }
  const control = new AbortController();
  running = control;
  drawRunning(true);
  report.begin(nameOf(source));
  const plan = {
    source,
    options: {
      ...settings.loadOptions(
        settings.merged(settings.DEFAULTS, {
          threads: byId('threads', HTMLSelectElement).value,
          kernel: byId('kernel', HTMLSelectElement).value,
          precision: byId('precision', HTMLSelectElement).value,
        }),
      ),
      ...(link.cache ? {} : { cache: false }),
    },
    // Without storage each of its loads would be a download.
    settings: byId('compare', HTMLInputElement).checked && (link.cache || typeof source !== 'string') ? choices.settings : [],
    peer: byId('peer', HTMLInputElement).checked,
    sustained: Number(byId('sustain', HTMLSelectElement).value),
  };
  try {
    await measure(BitNet, tools, plan, {
      signal: control.signal,
      onStage: drawStage,
      onResult: (result) => report.add(result),
    });
    report.finish({ isOwn: true });
  } catch (error) {
    drawStage(t(isAbort(error) ? 'turn.stopped' : 'stage.error'), null);
    if (!isAbort(error)) notices.error(error);
    // The results until then are still worth having.
    if (report.result.prompts) report.finish({ isOwn: true });
  }
  running = null;
  drawRunning(false);
}

// A result in the link is shown at once; nothing is measured.
if (report.showLink(location.hash)) byId('stage').textContent = t('bench.linkShown');

/** @param {boolean} on */
function drawRunning(on) {
  const [gone, shown] = on ? [byId('start'), byId('stop')] : [byId('stop'), byId('start')];
  replaceShown(gone, shown);
  byId('progress').hidden = !on;
  for (const field of document.querySelectorAll('#plan select, #plan input'))
    /** @type {HTMLInputElement} */ (field).disabled = on;
}

/**
 * @param {string} stage
 * @param {number | null} fraction
 */
function drawStage(stage, fraction) {
  byId('stage').textContent = stage;
  const bar = byId('progress', HTMLProgressElement);
  if (fraction === null) bar.removeAttribute('value');
  else bar.value = fraction;
}
