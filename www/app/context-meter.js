/** How full the model's context is, and what will be left out, before it happens. */
import { byId } from './dom.js';
import { t } from './texts.js';

/** From this share on the meter warns. */
const NEARLY = 0.8;
/** How long nothing is typed before the draft is counted, milliseconds. */
const PAUSE = 300;

export class ContextMeter {
  #root = byId('meter');
  #bar = byId('meter-bar');
  #text = byId('meter-text');
  #timer = 0;
  #asked = 0;

  /**
   * @param {() => { model: import('./api.js').Model | null, chat: import('./chat.js').Chat, draft: string, maxTokens: number }} now
   */
  constructor(now) {
    this.now = now;
  }

  /** Call when the conversation, the draft or the model has changed. */
  update() {
    clearTimeout(this.#timer);
    this.#timer = window.setTimeout(() => void this.#measure(), PAUSE);
  }

  async #measure() {
    const { model, chat, draft, maxTokens } = this.now();
    if (chat.isRunning) return;
    const ticket = ++this.#asked;
    const turns = chat.turns;
    if (!model || (turns.length === 0 && !draft)) {
      this.#root.hidden = true;
      return;
    }
    try {
      const used = await chat.count.measure(model, turns, { system: chat.conversation.head.system, draft });
      if (ticket === this.#asked) this.#draw(used, model.info.contextLength, Math.min(maxTokens, Math.floor(model.info.contextLength / 4)));
    } catch {
      this.#root.hidden = true; // the model is gone; its error is told elsewhere
    }
  }

  /** @param {number} used @param {number} context @param {number} room for the answer; all three in tokens */
  #draw(used, context, room) {
    const share = used / context;
    const full = used + room > context;
    this.#root.hidden = false;
    this.#root.dataset.level = full ? 'full' : share > NEARLY ? 'nearly' : 'calm';
    this.#bar.style.setProperty('--share', String(Math.min(1, share)));
    const percent = Math.round(share * 100);
    this.#text.textContent = full ? t('meter.full', { percent }) : t('meter.used', { percent });
    this.#root.title = t('meter.help', { used, context, room });
  }
}
