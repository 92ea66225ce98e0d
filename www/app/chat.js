/** Sending, streaming, stopping, starting anew: the conversation's life, without its looks. */
import { isAbort, streamAnswer } from './answer.js';
import { answerTurn, fitted, messagesOf, spokenTurns, userTurn } from './conversation.js';

/**
 * @typedef {object} ChatView
 * @property {(turn: import('./conversation.js').Turn) => void} added
 * @property {(turn: import('./conversation.js').Turn, text: string) => void} grew
 * @property {(turn: import('./conversation.js').Turn) => void} changed
 * @property {(turn: import('./conversation.js').Turn) => void} removed
 * @property {(first: import('./conversation.js').Turn) => void} shortened the turns before this one no longer fit
 * @property {(turn: import('./conversation.js').Turn) => void} ended
 * @property {(error: unknown) => void} failed
 */

export class Chat {
  /** @type {import('./conversation.js').Turn[]} */
  turns = [];
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {ChatView} view
   * @param {{ model: () => import('./api.js').Model | null, sampling: () => { maxTokens: number }, isDemo: () => boolean }} sources
   */
  constructor(view, sources) {
    this.view = view;
    this.sources = sources;
  }

  /** The answer that is waited for or written, if any. */
  get open() {
    const last = this.turns.at(-1);
    return last && (last.state === 'waiting' || last.state === 'streaming') ? last : null;
  }

  /**
   * Asks. Without a model the answer waits until `resume`.
   * @param {string} text
   */
  ask(text) {
    if (this.open) return;
    this.#push(userTurn(text));
    this.#push(answerTurn());
    this.resume();
  }

  /** Throws the last answer away and asks again. */
  retry() {
    const last = this.turns.at(-1);
    if (this.open || last?.role !== 'assistant') return;
    this.turns.pop();
    this.view.removed(last);
    this.#push(answerTurn());
    this.resume();
  }

  /** Starts the waiting answer, if there is one and a model to give it. */
  resume() {
    const model = this.sources.model();
    const turn = this.open;
    if (model && turn?.state === 'waiting' && !this.#running) void this.#run(model, turn);
  }

  /** Ends the open answer; what there is of it stays. */
  stop() {
    if (this.#running) this.#running.abort(new DOMException('The answer was stopped.', 'AbortError'));
    else if (this.open) this.#end(this.open, 'stopped');
  }

  /** Ends an answer that is being computed, because its model goes; one that waits for a model goes on waiting. */
  stopRunning() {
    if (this.#running) this.stop();
  }

  /** Forgets everything. */
  clear() {
    const running = this.#running;
    this.turns = [];
    this.#running = null;
    running?.abort(new DOMException('A new chat was started.', 'AbortError'));
  }

  /** @param {import('./conversation.js').Turn} turn */
  #push(turn) {
    this.turns.push(turn);
    this.view.added(turn);
  }

  /**
   * @param {import('./api.js').Model} model
   * @param {import('./conversation.js').Turn} turn
   */
  async #run(model, turn) {
    const control = new AbortController();
    this.#running = control;
    turn.byDemo = this.sources.isDemo();
    const { maxTokens: wanted, ...sampling } = this.sources.sampling();
    /** @type {unknown} */
    let error;
    try {
      const spoken = spokenTurns(this.turns);
      const { turns, maxTokens } = await fitted(model, spoken, wanted);
      control.signal.throwIfAborted();
      if (turns.length < spoken.length) this.view.shortened(turns[0]);
      const result = await streamAnswer(
        model,
        messagesOf(turns),
        { ...sampling, maxTokens, signal: control.signal },
        (text) => {
          // After a stop, or in a conversation that is gone, a late token has no place.
          if (control.signal.aborted) return;
          turn.content += text;
          if (turn.state === 'waiting') {
            turn.state = 'streaming';
            this.view.changed(turn);
          }
          this.view.grew(turn, text);
        },
      );
      turn.stats = result.stats;
      error = result.error;
    } catch (cause) {
      error = cause;
    }
    if (this.#running === control) this.#running = null;
    if (!this.turns.includes(turn)) return;
    // An engine that was faster than the stop may have ended by itself; for the visitor it was stopped.
    const stopped = control.signal.aborted || isAbort(error);
    this.#end(turn, stopped ? 'stopped' : error ? 'failed' : 'done');
    if (error && !stopped) this.view.failed(error);
  }

  /**
   * @param {import('./conversation.js').Turn} turn
   * @param {'done' | 'stopped' | 'failed'} state
   */
  #end(turn, state) {
    turn.state = state;
    this.view.changed(turn);
    this.view.ended(turn);
  }
}
