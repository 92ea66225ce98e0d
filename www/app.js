/**
 * The chat page: makes the parts and connects them. The only module that imports the library.
 */
import { BitNet } from './dist/index.js';
import { isolate, keepForOffline, watchForUpdate } from './coi.js';
import { onEngineBytes } from './preload.js';
import { byId } from './app/dom.js';
import { absolute, DEMO_SOURCE, isOwn, sameAddress } from './app/catalog.js';
import { Chat } from './app/chat.js';
import { ChatList } from './app/chat-list.js';
import { Composer } from './app/composer.js';
import { ContextMeter } from './app/context-meter.js';
import { Conversations } from './app/conversations.js';
import { ConversationStore } from './app/conversation-store.js';
import { acceptFiles } from './app/drop.js';
import { DetailsSheet } from './app/details-sheet.js';
import { Engine } from './app/engine.js';
import { explain, isFatal } from './app/errors.js';
import { isAbort } from './app/answer.js';
import { drawInfo } from './app/info-line.js';
import { KeptPrefixes } from './app/kept-prefixes.js';
import { fillKernels } from './app/kernels.js';
import { parseLink } from './app/link.js';
import { LoadView } from './app/load-view.js';
import { ModelsSheet } from './app/models-sheet.js';
import { Notices } from './app/notices.js';
import { Place } from './app/place.js';
import { isSealed, Privacy } from './app/privacy.js';
import { SettingsSheet } from './app/settings-sheet.js';
import * as settings from './app/settings.js';
import { sheet } from './app/sheet.js';
import { listenForShortcuts } from './app/shortcuts.js';
import { SystemPrompt } from './app/system-prompt.js';
import { applyTexts, t, useLanguage } from './app/texts.js';
import { Transcript } from './app/transcript.js';
import { followKeyboard } from './app/viewport.js';
import { WeightsField } from './app/weights-field.js';
import { WorkPanelDoor } from './app/work-panel-door.js';

const link = parseLink(location.search);
settings.allowKernels(BitNet.kernels);
await useLanguage([settings.language(), ...navigator.languages].filter((tag) => tag !== ''));
applyTexts(document);
fillKernels(byId('kernel', HTMLSelectElement), BitNet.kernels);
const notices = new Notices();
const field = new WeightsField(byId('weights', HTMLCanvasElement));
const loadView = new LoadView({ onCancel: () => engine.cancel() });
const engine = new Engine(BitNet, { onStatus: drawStatus, onProgress: drawProgress });
const privacy = new Privacy();
onEngineBytes((loaded, total) => loadView.showEngine(loaded, total));

const transcript = new Transcript(byId('transcript'), byId('scroller'), byId('to-latest', HTMLButtonElement), {
  onRetry(turn) {
    transcript.follower.follow();
    chat.retry(turn);
    if (matchMedia('(hover: hover)').matches) composer.focus();
    else transcript.focusLast();
  },
  onEdit(turn, text) {
    transcript.follower.follow();
    chat.edit(turn, text);
  },
  onContinue: (turn) => chat.continue(turn),
  onChoose: (turn) => chat.choose(turn),
  onDetails(turn) {
    details.show();
    void detailsSheet.show(turn);
  },
  onBigger: () => modelsDialog.open(),
  onReload: () => void open(engine.source ?? DEMO_SOURCE),
});
const chat = new Chat(
  {
    shown: drawConversation,
    grew(turn) {
      transcript.grow(turn);
      workPanel.count();
    },
    changed(turn) {
      transcript.update(turn, placeOf(turn));
      composer.setBusy(chat.open !== null);
    },
    shortened: (first) => transcript.markBeginning(first),
    ended(turn) {
      // The finished answer is announced once; a live region over the stream would talk without end.
      byId('announcer').textContent = turn.content ? t('announce.answer', { text: turn.content }) : t('announce.none');
      workPanel.showAnswer(turn.stats);
      prefixes.schedule();
      meter.update();
    },
    failed(turn, error) {
      if (isFatal(error)) engine.drop();
    },
    refused(text, error) {
      const { title, text: sentence } = explain(error);
      composer.refuse(text, `${title}: ${sentence} ${t('composer.tooLong')}`);
    },
    keep: (turns) => void conversations.keep(turns),
    forget: (turns) => void conversations.forget(turns),
  },
  {
    model: () => engine.model,
    modelName: () => engine.name,
    sampling: () => settings.sampling(settingsSheet.settings),
    isWatched: () => workPanel.isOpen,
    isDemo,
    ready: (model) => prefixes.takeBack(model, chat.conversation.head.id),
  },
);
const prefixes = new KeptPrefixes({ model: () => engine.model, modelName: () => engine.name, chat });
const detailsSheet = new DetailsSheet(chat, { model: () => engine.model, modelName: () => engine.name, sampling: () => settings.sampling(settingsSheet.settings) });
const workPanel = new WorkPanelDoor({ model: () => engine.model, chat });

const composer = new Composer({
  onSend: ask,
  onStop: () => chat.stop(),
  onDraft(text) {
    conversations.keepDraft(text);
    meter.update();
  },
});
const meter = new ContextMeter(
  () => ({ model: engine.model, chat, draft: composer.text, maxTokens: settingsSheet.settings.maxTokens }),
  (text) => notices.remark(text, [{ label: t('chats.new'), run: () => newChat() }]),
);
const place = new Place({ onConversation: (id) => void goTo(id) });
const store = new ConversationStore((id) => void conversations.changedElsewhere(id));
const conversations = new Conversations({ chat, store, place, composer, notices, list: () => list });
const list = new ChatList(store, {
  onOpen: (id) => void goTo(id),
  onRename: (id, title) => void conversations.rename(id, title),
  onDelete: (id) => void conversations.remove(id),
  onMarkdown: (id) => void conversations.saveMarkdown(id),
  onExport: () => void conversations.saveAll(),
  onImport: (file) => void conversations.takeIn(file),
});
conversations.onRenamed = drawTitle;
conversations.onLeave = () => void prefixes.keep();
conversations.onDelete = (id) => prefixes.forget(id);
const settingsSheet = new SettingsSheet(settings.merged(settings.restore(), link.settings), {
  onChange: (changes) => settings.keep(settings.merged(settings.restore(), changes)),
  onReload() {
    settingsDialog.close();
    void open(engine.source ?? DEMO_SOURCE);
  },
});
const systemPrompt = new SystemPrompt((system) => {
  void conversations.keep([], { system });
  chat.conversation.head.system = system;
  meter.update();
});
const modelsSheet = new ModelsSheet(engine, {
  onLoad: (source) => new Promise((resolve) => void open(source, resolve)),
  onUnload() {
    chat.stop();
    engine.unload().catch((error) => notices.error(error));
  },
  onCancel: () => engine.cancel(),
  isBusy: () => chat.isRunning,
  onError: (error) => notices.error(error),
  loadOptions,
});
const settingsDialog = sheet('settings', 'open-settings', () => {
  settingsSheet.draw();
  systemPrompt.draw(chat.conversation.head.system);
});
const modelsDialog = sheet('models', 'open-models', () => modelsSheet.open());
sheet('privacy', 'privacy-chip', () => privacy.draw());
const details = sheet('details', null, () => {});
const shortcuts = sheet('shortcuts', 'open-shortcuts', () => {});

byId('bigger-model').addEventListener('click', modelsDialog.open);
byId('new-chat').addEventListener('click', () => newChat());
byId('temporary').addEventListener('click', () => newChat({ isTemporary: !chat.conversation.isTemporary }));
for (const example of document.querySelectorAll('#examples button'))
  example.addEventListener('click', () => ask(example.textContent ?? ''));
acceptFiles({
  onFile(file) {
    if (/\.json$/i.test(file.name)) {
      void conversations.takeIn(file);
      return;
    }
    modelsDialog.close();
    // The model in use stays, and what it writes, until the file is seen to be one that runs here.
    void open(file, (error) => error && notices.error(error));
  },
  onOther: () => notices.remark(t('drop.one')),
});
listenForShortcuts({ help: shortcuts.open, search: () => list.open(), fresh: () => newChat(), models: modelsDialog.open, settings: settingsDialog.open, write: () => byId('prompt').focus() });
window.addEventListener('pagehide', () => chat.keepNow());
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState !== 'hidden') return;
  chat.keepNow();
  void prefixes.keep();
});
followKeyboard();
drawStatus();
void start();

/** The first load, once the page is as isolated as its host allows. */
async function start() {
  await isolate();
  await restore();
  const source = link.model ?? DEMO_SOURCE;
  if (isOwn(source)) {
    await open(source);
  } else {
    // Whoever wrote the link must not learn of this visit, nor start a download, before a click.
    modelsDialog.show();
    modelsSheet.draw();
    modelsSheet.askUnseen(source);
  }
  if (!document.querySelector('dialog[open]')) composer.focus();
  if (engine.model) await keepForOffline(engine.model.info.variant);
  void watchForUpdate((takeOver) => notices.remark(t('update.ready'), [{ label: t('update.take'), run: takeOver, testId: 'update' }]));
}

/** Shows the conversation that this tab had open; a link's own question begins a new one. */
async function restore() {
  const { conversation, before } = place;
  const wanted = conversation ?? (link.prompt ? null : before);
  if (wanted !== null && (await conversations.open(wanted))) return;
  if (conversation !== null) place.go(null, { replace: true });
  const typed = composer.text;
  conversations.fresh();
  if (typed) composer.fill(typed);
  if (link.prompt) ask(link.prompt);
}

/** @param {string | null} id */
async function goTo(id) {
  if (id === null) conversations.fresh();
  else if (!(await conversations.open(id))) {
    notices.remark(t('chats.gone'));
    conversations.fresh();
  }
  composer.focus();
}

/**
 * Loads a model in place of the one in use.
 * @param {import('./app/api.js').Source} source
 * @param {(error: unknown) => void} [onAnswer] told of what speaks against it while the model in use is still there, or null
 */
async function open(source, onAnswer) {
  let accepted = false;
  const accept = () => {
    accepted = true;
    chat.stopRunning();
    notices.clear();
    settingsSheet.markApplied();
    modelsDialog.close();
    onAnswer?.(null);
  };
  try {
    if (!onAnswer) accept();
    const model = await engine.open(typeof source === 'string' ? absolute(source) : source, loadOptions(), onAnswer && accept);
    privacy.begin();
    meter.update();
    void keepForOffline(model.info.variant);
    takeBack();
    chat.resume();
  } catch (error) {
    if (onAnswer && !accepted) {
      onAnswer(isAbort(error) ? null : error);
      return;
    }
    if (isAbort(error)) {
      if (engine.status === 'empty') notices.remark(t('load.stopped'), [retryAction(source)]);
      return;
    }
    const wasDemo = typeof source === 'string' && sameAddress(source, DEMO_SOURCE);
    const demo = wasDemo ? [] : [{ label: t('load.demo'), run: () => void open(DEMO_SOURCE) }];
    notices.error(error, engine.model ? [] : [retryAction(source), ...demo]);
  }
}

/** @returns {import('./app/api.js').LoadOptions} */
function loadOptions() {
  return {
    ...settings.loadOptions(settingsSheet.settings),
    ...(link.cache ? {} : { cache: false }),
    // The workers of the sealed page come with its policy.
    ...(isSealed ? { workerUrl: new URL('./sealed/engine.js', document.baseURI).href } : {}),
  };
}

/** @param {import('./app/api.js').Source} source */
function retryAction(source) {
  return { label: t('load.retry'), run: () => void open(source) };
}

/** @param {string} text */
function ask(text) {
  if (chat.open) return;
  // Of a file that was no model, say, while this one is in use.
  if (engine.status === 'ready') notices.clearErrors();
  transcript.follower.follow();
  chat.ask(text);
  if (engine.status === 'empty')
    notices.remark(t('load.waits'), [{ label: t('load.demo'), run: () => void open(DEMO_SOURCE) }]);
  composer.focus();
}

/** Whether the model in use is the bundled one. */
function isDemo() {
  return typeof engine.source === 'string' && sameAddress(engine.source, DEMO_SOURCE);
}

/** @param {{ isTemporary?: boolean }} [how] */
function newChat(how) {
  list.close();
  notices.clearRemarks();
  conversations.fresh(how);
  byId('announcer').textContent = t('announce.new');
  field.draw();
  composer.focus();
}

/** @param {import('./app/conversation.js').Turn} turn @returns {import('./app/turn-view.js').Place} */
function placeOf(turn) {
  return {
    siblings: chat.conversation.siblings(turn),
    last: turn === chat.turns.at(-1),
    waitingFor: engine.model ? t('turn.reading') : t('turn.waiting'),
  };
}

/** The conversation is another one, or read in another way. */
function drawConversation() {
  const { turns } = chat;
  byId('welcome').hidden = turns.length > 0;
  transcript.show(turns, placeOf);
  composer.setBusy(chat.open !== null);
  drawTitle();
  meter.update();
  takeBack();
}

/** Gives the model back what it remembers of the open conversation, before the next question. */
function takeBack() {
  if (engine.model && chat.turns.length > 1 && !chat.isRunning) void prefixes.takeBack(engine.model, chat.conversation.head.id);
}

function drawTitle() {
  const { head, isTemporary } = chat.conversation;
  const hasTurns = chat.turns.length > 0;
  const title = isTemporary ? t('chats.temporary') : head.title || t('chats.untitled');
  byId('conversation-title').textContent = title;
  byId('conversation-title').hidden = !hasTurns;
  byId('temporary').setAttribute('aria-pressed', String(isTemporary));
  byId('temporary-note').hidden = !isTemporary;
  document.title = hasTurns ? `bitnet-web: ${title}` : t('page.title');
}

/** @param {import('./app/progress.js').Progress} progress */
function drawProgress(progress) {
  loadView.show(engine.name, progress);
  modelsSheet.showProgress(progress);
  field.fill(progress.fraction ?? 0);
  byId('model-state').textContent = progress.fraction === null ? '' : `${Math.floor(progress.fraction * 100)}%`;
}

function drawStatus() {
  const { status, model, name } = engine;
  document.body.dataset.status = status;
  byId('model-dot').dataset.status = status;
  byId('model-name').textContent = status === 'empty' ? t('models.none') : name;
  byId('demo-note').hidden = status !== 'empty' && !isDemo();
  if (status !== 'loading') {
    loadView.hide();
    byId('model-state').textContent = '';
    field.fill(status === 'ready' ? 1 : 0);
  }
  workPanel?.update();
  drawInfo(byId('info'), status === 'ready' && model ? model.info : null);
  if (status === 'ready') byId('announcer').textContent = t('announce.ready', { name });
  const waiting = chat?.open;
  if (waiting) transcript.update(waiting, placeOf(waiting));
  if (byId('models', HTMLDialogElement).open ) modelsSheet.draw();
}
