// The generations in the engine worker: one loop steps through all of them at once, and tells each call what became of its own.
import { CANCELLED } from './queue.js';
import { STEP_LIMIT, nextTask } from './step.js';

/** @import { WireError } from './error.js' */
/** @import { Grammars } from './grammar.js' */
/** @import { GenerationResult, Methods, Parts, Prefill, Token, Usage } from './protocol.js' */
/** @import { StepEvent, WasmModel } from './wasm/relaxed/bitnet_web.js' */

/** @typedef {{ type: 'begun', cached: number } | { type: 'tokens', tokens: Token[] } | { type: 'prefill', prefill: Prefill }} Told What a call hears before its result. */

/** A generation that was asked for and has not ended. */
class Call {
  /** When its turn came. */
  began = 0;
  /** Tokens of the prompt that were there then. */
  cached = 0;
  firstToken = 0;
  /** What the model has thought so far. */
  reasoning = '';
  /** Of this turn of the event loop. @type {Token[]} */
  tokens = [];
  /** @type {ReturnType<WasmModel['takeParts']>} */
  prefillParts;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  timer;

  /**
   * @param {number} arrived when it came, in milliseconds as performance.now() tells
   * @param {boolean} timesParts
   * @param {(told: Told) => void} tell
   * @param {(result: GenerationResult) => void} resolve
   * @param {(reason: unknown) => void} reject
   */
  constructor(arrived, timesParts, tell, resolve, reject) {
    this.arrived = arrived;
    this.timesParts = timesParts;
    this.tell = tell;
    this.resolve = resolve;
    this.reject = reject;
  }

  /** Tells the tokens of this turn in one message: a message takes a good part of the time of a small model's token. */
  flush() {
    if (this.tokens.length > 0) this.tell({ type: 'tokens', tokens: this.tokens.splice(0) });
  }

  /**
   * @param {Pick<Extract<StepEvent, { type: 'done' }>, 'finishReason' | 'stoppedBy' | 'usage' | 'threads'>} event
   * @param {WasmModel} model
   * @returns {GenerationResult}
   */
  result({ finishReason, stoppedBy, usage, threads }, model) {
    const now = performance.now();
    const times = { ...timings(this.arrived, this.began, this.firstToken || now, now, usage), threads };
    const parts = this.timesParts ? model.takeParts() : undefined;
    if (parts) times.parts = {
      prefill: whole(this.prefillParts ?? parts, times.prefillMs),
      decode: whole(this.prefillParts ? parts : NOTHING, times.decodeMs),
    };
    return { finishReason, stoppedBy, usage, timings: times, ...(this.reasoning && { reasoning: this.reasoning }) };
  }
}

/** The generations of a model. */
export class Generations {
  /** @type {WasmModel} */
  #model;
  /** @type {Grammars} */
  #grammars;
  /** Calls that wait for what their answers must follow. @type {Set<number>} */
  #coming = new Set();
  /** @type {Map<number, Call>} */
  #calls = new Map();
  /** Wakes those that wait for a place in a full queue, in the order in which they came. @type {(() => void)[]} */
  #standby = [];
  #isRunning = false;
  /** Between two steps the loop waits here while it is paused. @type {{ ended: Promise<void>, end: () => void } | undefined} */
  #pause;
  /** Steps that were made: the sign of life. */
  steps = 0;

  /** @param {WasmModel} model @param {Grammars} grammars */
  constructor(model, grammars) {
    this.#model = model;
    this.#grammars = grammars;
  }

  /** Whether a generation is under way. */
  get isBusy() {
    return this.#calls.size > 0;
  }

  /**
   * @param {number} id of the call
   * @param {Methods['generate']['args']} args
   * @param {(told: Told) => void} tell
   * @returns {Promise<GenerationResult>}
   */
  async run(id, { prompt, options: { timeout, waited = 0, responseFormat, waitsForRoom = false, ...options } }, tell) {
    const arrived = performance.now();
    const deadline = timeout === undefined ? undefined : arrived + timeout - waited;
    this.#coming.add(id);
    /** @type {Awaited<ReturnType<Grammars['constrain']>> | undefined} */
    let constraint;
    try {
      if (responseFormat !== undefined) constraint = await constraintInTime(this.#grammars.constrain(responseFormat), deadline, timeout);
      const isLate = () => deadline !== undefined && performance.now() >= deadline;
      for (let isIn = false; !isIn; ) {
        if (!this.#coming.has(id)) throw CANCELLED;
        if (waitsForRoom && isLate()) throw late(/** @type {number} */ (timeout), NO_USAGE);
        try {
          this.#model.submit(id, prompt, options, constraint);
          isIn = true;
        } catch (thrown) {
          if (!waitsForRoom || /** @type {WireError} */ (thrown)?.code !== 'queue_full') throw thrown;
          await this.#room(deadline === undefined ? undefined : deadline - performance.now());
        }
      }
      return await new Promise((resolve, reject) => {
        const call = new Call(arrived, options.timeParts ?? false, tell, resolve, reject);
        this.#calls.set(id, call);
        if (deadline !== undefined) call.timer = setTimeout(() => this.#expire(id, /** @type {number} */ (timeout)), deadline - performance.now());
        void this.#loop();
      });
    } finally {
      this.#coming.delete(id);
      constraint?.free();
    }
  }

  /**
   * Waits until a place may have become free, or somebody who waits wants no more, or for so many milliseconds.
   * @param {number | undefined} milliseconds
   */
  async #room(milliseconds) {
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    let timer;
    await new Promise((resolve) => {
      this.#standby.push(() => resolve(undefined));
      if (milliseconds !== undefined) timer = setTimeout(resolve, milliseconds);
    });
    clearTimeout(timer);
  }

  /** Lets those that wait for a place look for one. */
  #wake() {
    for (const wake of this.#standby.splice(0)) wake();
  }

  /**
   * Drops a generation.
   * @param {number} id of its call
   */
  cancel(id) {
    if (this.#coming.delete(id)) this.#wake();
    if (this.#calls.has(id)) this.#drop(id, () => CANCELLED);
  }

  /**
   * Ends a generation, which has the result that it has come to.
   * @param {number} id of its call
   */
  stop(id) {
    const call = this.#take(id);
    if (call === undefined) return;
    try {
      const usage = this.#model.cancel(id) ?? NO_USAGE;
      call.resolve(call.result({ finishReason: 'stop', usage, threads: this.#model.info().threads }, this.#model));
    } catch (thrown) {
      call.reject(thrown);
    }
  }

  /** Whether generations rest. */
  get isPaused() {
    return this.#pause !== undefined;
  }

  /**
   * Lets generations rest between two steps, or go on.
   * @param {boolean} paused
   */
  pause(paused) {
    if (paused === this.isPaused) return;
    this.#model.setPaused(paused);
    this.#pause?.end();
    this.#pause = undefined;
    if (!paused) return;
    let end = () => {};
    this.#pause = { ended: new Promise((resolve) => (end = () => resolve(undefined))), end: () => end() };
  }

  /** Drops all generations. */
  close() {
    this.#coming.clear();
    this.pause(false);
    this.#wake();
    for (const id of [...this.#calls.keys()]) this.cancel(id);
  }

  /** @param {number} id @param {number} timeout */
  #expire(id, timeout) {
    this.#drop(id, (usage) => late(timeout, usage));
  }

  /**
   * @param {number} id
   * @param {(usage: Usage | undefined) => WireError} reason
   */
  #drop(id, reason) {
    const call = this.#take(id);
    try {
      call?.reject(reason(this.#model.cancel(id)));
    } catch (thrown) {
      call?.reject(thrown);
    }
  }

  /**
   * The call has come to its end.
   * @param {number} id
   */
  #take(id) {
    const call = this.#calls.get(id);
    clearTimeout(call?.timer);
    this.#calls.delete(id);
    this.#wake();
    return call;
  }

  /** Steps until nothing is left. */
  async #loop() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      while (this.isBusy) {
        if (this.#pause) {
          this.#model.setPaused(true); // one that has come meanwhile has woken the threads
          await this.#pause.ended;
          continue;
        }
        for (const report of this.#model.step(STEP_LIMIT)) {
          if (report.error) this.#take(report.id)?.reject(report.error);
          else if (report.event) this.#hear(report.id, report.event);
        }
        for (const call of this.#calls.values()) call.flush();
        this.steps += 1;
        await nextTask();
      }
    } catch (thrown) {
      for (const id of [...this.#calls.keys()]) this.#take(id)?.reject(thrown);
      try {
        this.#model.cancelAll();
      } catch {
        // The instance has trapped: the rejections tell, and end it.
      }
    } finally {
      this.#isRunning = false;
    }
  }

  /** @param {number} id @param {StepEvent} event */
  #hear(id, event) {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    switch (event.type) {
      case 'begun':
        [call.began, call.cached] = [performance.now(), event.cached];
        return call.tell(event);
      case 'prefill':
        return call.tell({ type: 'prefill', prefill: { done: event.done, total: event.total, cached: call.cached } });
      case 'token': {
        if (call.firstToken === 0) {
          call.firstToken = performance.now();
          if (call.timesParts) call.prefillParts = this.#model.takeParts();
        }
        const { type: _, ...token } = event;
        call.reasoning += token.reasoning ?? '';
        return void call.tokens.push(token);
      }
      case 'done': {
        const { text, reasoning = '' } = event;
        call.reasoning += reasoning;
        if (text !== '' || reasoning !== '') call.tokens.push({ id: -1, text, ...(reasoning && { reasoning }) });
        call.flush();
        this.#take(id);
        return call.resolve(call.result(event, this.#model));
      }
    }
  }
}

/** Of a generation that has not begun. @type {Usage} */
const NO_USAGE = { promptTokens: 0, cachedTokens: 0, completionTokens: 0 };

/**
 * What an answer must follow, whose module may have to be fetched.
 * @param {ReturnType<Grammars['constrain']>} constraint
 * @param {number | undefined} deadline as performance.now() tells
 * @param {number | undefined} timeout
 */
async function constraintInTime(constraint, deadline, timeout) {
  if (deadline === undefined || timeout === undefined) return constraint;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;
  /** @type {Promise<never>} */
  const ended = new Promise((_, reject) => (timer = setTimeout(() => reject(late(timeout, NO_USAGE)), deadline - performance.now())));
  try {
    return await Promise.race([constraint, ended]);
  } catch (error) {
    constraint.then((unused) => unused.free(), () => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * @param {number} timeout milliseconds
 * @param {Usage | undefined} usage
 * @returns {WireError}
 */
function late(timeout, usage) {
  return {
    code: 'timeout',
    message: `The answer was not complete after ${timeout} ms, the call's timeout: allow more time or fewer tokens.`,
    details: { timeout, usage },
  };
}

/**
 * @param {number} arrived
 * @param {number} began
 * @param {number} firstToken
 * @param {number} ended
 * @param {GenerationResult['usage']} usage
 * @returns {Omit<GenerationResult['timings'], 'threads'>}
 */
function timings(arrived, began, firstToken, ended, { promptTokens, cachedTokens, completionTokens }) {
  const prefillMs = firstToken - began;
  const decodeMs = ended - firstToken;
  return {
    queueMs: began - arrived,
    prefillMs,
    decodeMs,
    firstTokenMs: prefillMs,
    totalMs: ended - began,
    prefillTokensPerSecond: perSecond(promptTokens - cachedTokens, prefillMs),
    // The first token came out of the prefill.
    decodeTokensPerSecond: perSecond(completionTokens - 1, decodeMs),
  };
}

const NOTHING = { ternary: 0, attention: 0, head: 0, norms: 0, sampling: 0, barriers: 0 };

/**
 * The parts that the core knows, and what is left.
 * @param {Omit<Parts, 'other'>} parts
 * @param {number} ms all of it
 * @returns {Parts}
 */
function whole(parts, ms) {
  return { ...parts, other: ms - Object.values(parts).reduce((sum, part) => sum + part, 0) };
}

/** @param {number} count @param {number} ms */
function perSecond(count, ms) {
  return ms > 0 && count > 0 ? (count * 1000) / ms : 0;
}
