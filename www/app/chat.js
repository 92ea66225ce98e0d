/** Sending, streaming, stopping, asking again: the conversation's life, without its looks. */
import { isAbort, streamAnswer } from './answer.js';
import { ContextCount } from './context-count.js';
import { Conversation, messagesOf, spokenTurns } from './conversation.js';
import { TokenLog } from './token-log.js';

/** @typedef {import('./conversation.js').Turn} Turn */

/**
 * @typedef {object} ChatView
 * @property {() => void} shown the conversation, or what is read of it, is another one
 * @property {(turn: Turn) => void} grew its content, by a token
 * @property {(turn: Turn) => void} changed
 * @property {(first: Turn) => void} shortened the turns before this one no longer fit
 * @property {(turn: Turn) => void} ended
 * @property {(turn: Turn, error: unknown) => void} failed
 * @property {(text: string, error: unknown) => void} refused a message that no model of this size can read
 * @property {(turns: Turn[]) => void} keep writes turns down
 * @property {(turns: Turn[]) => void} forget takes turns back that were written down
 */

/**
 * @typedef {object} Sources
 * @property {() => import('./api.js').Model | null} model
 * @property {() => string} modelName
 * @property {() => { maxTokens: number, seed?: number }} sampling
 * @property {() => boolean} isWatched whether somebody looks at the engine, so that the parts of a token are worth timing
 * @property {() => boolean} isDemo
 * @property {(model: import('./api.js').Model) => Promise<void>} ready waits until the model has back what it remembers
 */

/** How often a growing answer is written down, milliseconds: so much of it a crash may take. */
const KEEP_EVERY = 1000;

export class Chat {
  conversation = Conversation.create();
  count = new ContextCount();
  tokens = new TokenLog();
  /** @type {{ turn: Turn, control: AbortController } | null} */
  #running = null;
  /** How many turns the model was last given. */
  #turnsAsked = 0;

  /**
   * @param {ChatView} view
   * @param {Sources} sources
   */
  constructor(view, sources) {
    this.view = view;
    this.sources = sources;
  }

  /** The turns that are read. */
  get turns() {
    return this.conversation.path();
  }

  /** The answer that is waited for or written, if any. */
  get open() {
    const last = this.turns.at(-1);
    return last && (last.state === 'waiting' || last.state === 'streaming') ? last : null;
  }

  /** Whether this tab writes an answer. */
  get isRunning() {
    return this.#running !== null;
  }

  /**
   * Goes to another conversation; an answer that is being written ends, what there is of it stays.
   * @param {Conversation} conversation
   */
  show(conversation) {
    this.stopRunning();
    this.#running = null;
    this.conversation = conversation;
    this.view.shown();
    this.resume();
  }

  /**
   * Asks. Without a model the answer waits until `resume`.
   * @param {string} text
   * @param {Turn | null} [after] the turn before it; the last one unless it is named
   */
  ask(text, after = this.turns.at(-1) ?? null) {
    if (this.open) return;
    const question = this.conversation.add({ role: 'user', content: text, state: 'done' }, after);
    this.#answer(question);
  }

  /**
   * Asks a question in other words; the old one stays beside it.
   * @param {Turn} question
   * @param {string} text
   */
  edit(question, text) {
    if (this.open) this.stop();
    this.ask(text, question.parent === null ? null : (this.conversation.turns.get(question.parent) ?? null));
  }

  /** Asks for another answer; the old one stays beside it. @param {Turn} answer */
  retry(answer) {
    const question = answer.parent === null ? undefined : this.conversation.turns.get(answer.parent);
    if (question && !this.open) this.#answer(question);
  }

  /** Goes on with an answer that was cut off. @param {Turn} answer */
  continue(answer) {
    if (this.open || !this.sources.model()) return;
    answer.state = 'waiting';
    answer.error = null;
    this.view.changed(answer);
    this.resume();
  }

  /** Reads another version of a turn. @param {Turn} turn */
  choose(turn) {
    if (this.#running) this.stop();
    this.conversation.choose(turn);
    this.view.keep([]);
    this.view.shown();
  }

  /** Starts the waiting answer, if there is one and a model to give it. */
  resume() {
    const model = this.sources.model();
    const turn = this.open;
    if (model && turn?.state === 'waiting' && !this.#running) void this.#run(model, turn);
  }

  /** Ends the open answer; what there is of it stays. */
  stop() {
    if (this.#running) this.#running.control.abort(new DOMException('The answer was stopped.', 'AbortError'));
    else if (this.open) this.#end(this.open, 'stopped');
  }

  /** Ends an answer that is being computed, because its model goes; one that waits for a model goes on waiting. */
  stopRunning() {
    if (this.#running) this.stop();
  }

  /** Writes down what there is, at once: the page may be gone the next moment. */
  keepNow() {
    if (this.#running) this.view.keep([this.#running.turn]);
  }

  /** @param {Turn} question */
  #answer(question) {
    const answer = this.conversation.add({ role: 'assistant', content: '', state: 'waiting' }, question);
    this.view.keep([question, answer]);
    this.view.shown();
    this.resume();
  }

  /**
   * @param {import('./api.js').Model} model
   * @param {Turn} turn
   */
  async #run(model, turn) {
    const control = new AbortController();
    this.#running = { turn, control };
    const { conversation } = this;
    turn.byDemo = this.sources.isDemo();
    turn.model = this.sources.modelName();
    const before = turn.content;
    /** @type {unknown} */
    let error;
    const release = holdLock(turn.id);
    try {
      await this.sources.ready(model);
      const said = await this.#prompt(model, turn);
      control.signal.throwIfAborted();
      let kept = performance.now();
      const result = await streamAnswer(model, said.messages, { ...said.options, signal: control.signal }, (token) => {
        // After a stop, or in a conversation that is gone, a late token has no place.
        if (control.signal.aborted) return;
        turn.content += token.text;
        this.tokens.add(turn, model, token);
        if (turn.state === 'waiting') {
          turn.state = 'streaming';
          this.view.changed(turn);
        }
        this.view.grew(turn);
        if (performance.now() - kept > KEEP_EVERY) {
          kept = performance.now();
          this.view.keep([turn]);
        }
      });
      turn.stats = result.stats;
      error = result.error;
    } catch (cause) {
      error = cause;
    }
    release();
    if (this.#running?.control === control) this.#running = null;
    // An engine that was faster than the stop may have ended by itself; for the visitor it was stopped.
    const stopped = control.signal.aborted || isAbort(error);
    if (conversation !== this.conversation) {
      turn.state = stopped || error ? 'stopped' : 'done';
      return;
    }
    if (error && !stopped && turn.content === before && this.#isTooLong(turn, error)) return;
    this.#end(turn, stopped ? 'stopped' : error ? 'failed' : 'done', stopped ? null : error);
  }

  /**
   * What the model is asked, as much of the conversation as fits.
   * @param {import('./api.js').Model} model
   * @param {Turn} turn the answer
   */
  async #prompt(model, turn) {
    const { maxTokens: wanted, seed = newSeed(), ...sampling } = this.sources.sampling();
    const { system } = this.conversation.head;
    const spoken = spokenTurns(this.turns);
    const { turns, maxTokens } = await this.count.fit(model, spoken, { maxTokens: wanted, system });
    this.#turnsAsked = turns.length;
    if (turns.length < spoken.length) this.view.shortened(turns[0]);
    const goesOn = turns.at(-1) === turn;
    this.tokens.begin(turn, { ...sampling, seed });
    return {
      messages: messagesOf(turns, system),
      options: {
        ...sampling,
        seed,
        maxTokens,
        ...(goesOn ? { continueFinalMessage: true } : {}),
        ...(this.sources.isWatched() ? { timeParts: true } : {}),
      },
    };
  }

  /**
   * What a model is asked before it writes an answer of the open conversation.
   * @param {import('./api.js').Model} model
   * @param {Turn} answer
   */
  async messagesBefore(model, answer) {
    const { system } = this.conversation.head;
    const turns = this.turns;
    const before = spokenTurns(turns.slice(0, turns.indexOf(answer)));
    const { turns: fitting } = await this.count.fit(model, before, { maxTokens: 1, system });
    return messagesOf(fitting, system);
  }

  /**
   * A single message that is longer than the context goes back to where it was written.
   * @param {Turn} turn
   * @param {unknown} error
   */
  #isTooLong(turn, error) {
    const question = turn.parent === null ? undefined : this.conversation.turns.get(turn.parent);
    const isOverflow = /** @type {{ code?: string }} */ (error)?.code === 'context_overflow';
    if (!question || !isOverflow || this.#turnsAsked > 1) return false;
    this.conversation.remove(turn);
    this.conversation.remove(question);
    this.view.forget([turn, question]);
    this.view.shown();
    this.view.refused(question.content, error);
    return true;
  }

  /**
   * @param {Turn} turn
   * @param {'done' | 'stopped' | 'failed'} state
   * @param {unknown} [error]
   */
  #end(turn, state, error = null) {
    turn.state = state;
    const { code = 'internal', message = String(error) } = /** @type {{ code?: string, message?: string }} */ (error ?? {});
    turn.error = error ? { code, message } : null;
    this.view.keep([turn]);
    this.view.changed(turn);
    this.view.ended(turn);
    if (error) this.view.failed(turn, error);
  }
}

/** A seed that can be told and used again. */
function newSeed() {
  return crypto.getRandomValues(new Uint32Array(1))[0];
}

/**
 * Shows other tabs, as long as it is held, that an answer is being written.
 * @param {string} id of the turn
 * @returns {() => void} gives it back
 */
function holdLock(id) {
  /** @type {() => void} */
  let release = () => {};
  const held = new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
    release = resolve;
  });
  void navigator.locks?.request(lockOf(id), () => held);
  return release;
}

/** The lock that the tab holds that writes an answer. @param {string} id of the turn */
export const lockOf = (id) => `bitnet-web.turn.${id}`;

/** The names of the locks that some tab holds. */
export async function locksHeld() {
  return new Set((await navigator.locks?.query())?.held?.map(({ name }) => name));
}

/**
 * Ends, in the data, the answers that nobody writes any more: their tab was closed or has crashed. One without a word waits on.
 * @param {Conversation} conversation
 */
export async function endOrphans(conversation) {
  const held = await locksHeld();
  for (const turn of conversation.turns.values()) {
    if (turn.state !== 'streaming' && turn.state !== 'waiting') continue;
    // Another tab writes it, though its first words may not be stored yet: it is not begun here as well.
    if (held.has(lockOf(turn.id))) turn.state = 'streaming';
    else turn.state = turn.content === '' && turn === conversation.path().at(-1) ? 'waiting' : 'stopped';
  }
}
