/**
 * The chat page: makes the parts and connects them. The only module that imports the library.
 */
import { BitNet } from './dist/index.js';
import { isolate, keepForOffline, watchForUpdate } from './coi.js';
import { byId, button, h } from './app/dom.js';
import { absolute, DEMO_SOURCE, isOwn, sameAddress } from './app/catalog.js';
import { Chat } from './app/chat.js';
import { Composer } from './app/composer.js';
import { acceptFiles } from './app/drop.js';
import { Engine } from './app/engine.js';
import { isAbort } from './app/answer.js';
import { isFatal } from './app/errors.js';
import { EXAMPLES } from './app/examples.js';
import { drawInfo } from './app/info-line.js';
import { fillKernels } from './app/kernels.js';
import { parseLink } from './app/link.js';
import { LoadView } from './app/load-view.js';
import { ModelsSheet } from './app/models-sheet.js';
import { Notices } from './app/notices.js';
import { SettingsSheet } from './app/settings-sheet.js';
import * as settings from './app/settings.js';
import { sheet } from './app/sheet.js';
import { Transcript } from './app/transcript.js';
import { followKeyboard } from './app/viewport.js';
import { WeightsField } from './app/weights-field.js';

const link = parseLink(location.search);
settings.allowKernels(BitNet.kernels);
fillKernels(byId('kernel', HTMLSelectElement), BitNet.kernels);
const notices = new Notices();
const field = new WeightsField(byId('weights', HTMLCanvasElement));
const loadView = new LoadView({ onCancel: () => engine.cancel() });
const engine = new Engine(BitNet, { onStatus: drawStatus, onProgress: drawProgress });

const transcript = new Transcript(byId('transcript'), byId('scroller'), byId('to-latest', HTMLButtonElement), {
  onRetry: () => chat.retry(),
  onBigger: () => modelsDialog.open(),
});
const chat = new Chat(
  {
    added(turn) {
      byId('welcome').hidden = true;
      transcript.add(turn);
      drawTurn(turn);
    },
    grew: (turn, text) => transcript.append(turn, text),
    changed: drawTurn,
    removed: (turn) => transcript.remove(turn),
    shortened: (first) => transcript.markBeginning(first),
    ended(turn) {
      // The finished answer is announced once; a live region over the stream would talk without end.
      byId('announcer').textContent = turn.content ? `Answer: ${turn.content}` : 'No answer.';
    },
    failed(error) {
      if (isFatal(error)) {
        engine.drop();
        notices.error(error, [{ label: 'Load the model again', run: () => void open(engine.source ?? DEMO_SOURCE) }]);
      } else {
        notices.error(error);
      }
    },
  },
  {
    model: () => engine.model,
    sampling: () => settings.sampling(settingsSheet.settings),
    isDemo,
  },
);

const composer = new Composer({ onSend: ask, onStop: () => chat.stop() });
const settingsSheet = new SettingsSheet(settings.merged(settings.restore(), link.settings), {
  onChange: (changes) => settings.keep(settings.merged(settings.restore(), changes)),
  onReload() {
    settingsDialog.close();
    void open(engine.source ?? DEMO_SOURCE);
  },
});
const modelsSheet = new ModelsSheet(engine, {
  onLoad(source) {
    modelsDialog.close();
    void open(source);
  },
  onUnload() {
    chat.stop();
    engine.unload().catch((error) => notices.error(error));
  },
  onError: (error) => notices.error(error),
  loadOptions,
});
const settingsDialog = sheet('settings', 'open-settings', () => settingsSheet.draw());
const modelsDialog = sheet('models', 'open-models', () => modelsSheet.draw());

byId('bigger-model').addEventListener('click', modelsDialog.open);
byId('new-chat').addEventListener('click', newChat);
byId('examples').replaceChildren(
  ...EXAMPLES.map((text) =>
    h(
      'li',
      {},
      button(text, () => ask(text), 'example', { 'data-testid': 'example' }),
    ),
  ),
);
acceptFiles((file) => {
  modelsDialog.close();
  void open(file);
});
followKeyboard();
drawStatus();
void start();

/** The first load, once the page is as isolated as its host allows. */
async function start() {
  await isolate();
  const source = link.model ?? DEMO_SOURCE;
  if (link.prompt) ask(link.prompt);
  if (isOwn(source)) {
    await open(source);
  } else {
    // Whoever wrote the link must not learn of this visit, nor start a download, before a click.
    modelsDialog.open();
    modelsSheet.askUnseen(source);
  }
  composer.focus();
  if (engine.model) await keepForOffline(engine.model.info.variant);
  void watchForUpdate((takeOver) =>
    notices.remark('A new version of this page is ready. The conversation stays.', [
      { label: 'Use it now', run: takeOver, testId: 'update' },
    ]),
  );
}

/**
 * Loads a model in place of the one in use.
 * @param {import('./app/api.js').Source} source
 */
async function open(source) {
  chat.stopRunning();
  notices.clear();
  settingsSheet.markApplied();
  try {
    await engine.open(typeof source === 'string' ? absolute(source) : source, loadOptions());
    chat.resume();
  } catch (error) {
    if (isAbort(error)) {
      if (engine.status === 'empty')
        notices.remark('The load was stopped. What has arrived is kept for the next time.', [retryAction(source)]);
      return;
    }
    const wasDemo = typeof source === 'string' && sameAddress(source, DEMO_SOURCE);
    notices.error(
      error,
      engine.model
        ? []
        : [
            retryAction(source),
            ...(wasDemo ? [] : [{ label: 'Load the demo model', run: () => void open(DEMO_SOURCE) }]),
          ],
    );
  }
}

/** @returns {import('./app/api.js').LoadOptions} */
function loadOptions() {
  return { ...settings.loadOptions(settingsSheet.settings), ...(link.cache ? {} : { cache: false }) };
}

/** @param {import('./app/api.js').Source} source */
function retryAction(source) {
  return { label: 'Try again', run: () => void open(source) };
}

/** @param {string} text */
function ask(text) {
  if (chat.open) return;
  transcript.follow();
  chat.ask(text);
  if (engine.status === 'empty')
    notices.remark('Your message waits for a model.', [
      { label: 'Load the demo model', run: () => void open(DEMO_SOURCE) },
    ]);
  composer.focus();
}

/** Whether the model in use is the bundled one. */
function isDemo() {
  return typeof engine.source === 'string' && sameAddress(engine.source, DEMO_SOURCE);
}

function newChat() {
  chat.clear();
  transcript.clear();
  composer.setBusy(false);
  byId('welcome').hidden = false;
  byId('announcer').textContent = 'New chat.';
  field.draw();
  composer.focus();
}

/** @param {import('./app/conversation.js').Turn} turn */
function drawTurn(turn) {
  const waitingFor = engine.model ? 'Reading' : 'Waiting for the model';
  transcript.update(turn, { waitingFor, last: turn === chat.turns.at(-1) });
  const before = chat.turns.at(-3);
  if (before?.role === 'assistant') transcript.update(before);
  composer.setBusy(chat.open !== null);
}

/** @param {import('./app/progress.js').Progress} progress */
function drawProgress(progress) {
  loadView.show(engine.name, progress);
  field.fill(progress.fraction ?? 0);
  byId('model-state').textContent = progress.fraction === null ? '' : `${Math.floor(progress.fraction * 100)}%`;
}

function drawStatus() {
  const { status, model, name } = engine;
  document.body.dataset.status = status;
  byId('model-dot').dataset.status = status;
  byId('model-name').textContent = status === 'empty' ? 'No model' : name;
  byId('demo-note').hidden = status !== 'empty' && !isDemo();
  if (status !== 'loading') {
    loadView.hide();
    byId('model-state').textContent = '';
    field.fill(status === 'ready' ? 1 : 0);
  }
  drawInfo(byId('info'), status === 'ready' && model ? model.info : null);
  if (status === 'ready') byId('announcer').textContent = `${name} is ready.`;
  const waiting = chat?.open;
  if (waiting) drawTurn(waiting);
  if (byId('models', HTMLDialogElement).open) modelsSheet.draw();
}
