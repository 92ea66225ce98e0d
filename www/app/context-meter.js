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
   * @param {(text: string) => void} onHelp told what the meter means, when somebody asks
   */
  constructor(now, onHelp) {
    this.now = now;
    this.#root.addEventListener('click', () => onHelp(this.#root.title));
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
      const { system } = chat.conversation.head;
      const context = model.info.contextLength;
      const used = await chat.count.measure(model, turns, { system, draft });
      // What is written now is never left out: alone it has to fit.
      const alone = used > context && draft ? await chat.count.measure(model, [], { system, draft }) : 0;
      if (ticket === this.#asked) this.#draw({ used, alone, context, room: Math.min(maxTokens, Math.floor(context / 4)) });
    } catch {
      this.#root.hidden = true; // the model is gone; its error is told elsewhere
    }
  }

  /** @param {{ used: number, alone: number, context: number, room: number }} tokens `alone`: of the draft by itself; `room`: for the answer */
  #draw({ used, alone, context, room }) {
    const share = Math.min(1, used / context);
    const full = used + room > context;
    this.#root.hidden = false;
    this.#root.dataset.level = full ? 'full' : share > NEARLY ? 'nearly' : 'calm';
    this.#bar.style.setProperty('--share', String(share));
    this.#text.textContent =
      alone >= context ? t('meter.tooLong') : full ? t('meter.full') : t('meter.used', { percent: Math.round(share * 100) });
    this.#root.title = t('meter.help', { used, context, room });
  }
}
