// Completions in the shape of OpenAI's API: one object, or chunks of it as they are written.
import { toOpenAI } from './error.js';
import { chatRequest, completionRequest } from './request.js';
import { ChatAnswer, TextAnswer } from './answer.js';
import { textsOf } from './token-prompt.js';

/** @import { Model } from '../model.js' */
/** @import { GenerationResult, Message, Token, Usage } from '../protocol.js' */
/** @import { ChatParams, CompletionParams, OpenAIRequest } from './request.js' */
/** @import { Answer } from './answer.js' */
/** @import { ChatCompletion, ChatCompletionChunk, CompletionUsage } from './types.js' */

/** @typedef {{ signal?: AbortSignal | null | undefined }} RequestOptions */

/**
 * What an answer begins with, whoever writes it.
 * @typedef {object} Frame
 * @property {string} id
 * @property {number} created seconds since 1970
 * @property {string} model
 */

/** The name of a model in requests and answers. @param {Model} model */
export function modelId(model) {
  return model.info.name ?? 'bitnet-web';
}

/**
 * Chunks as they are written. Leaving the loop stops the model, and so does an abort, behind which the loop ends, as in the `openai` package.
 * @hideconstructor
 * @template Chunk
 * @implements {AsyncIterable<Chunk>}
 */
export class ChunkStream {
  /** Stops the answer. */
  controller;
  #chunks;

  /** @param {AsyncGenerator<Chunk, void, undefined>} chunks @param {AbortController} controller @param {AbortSignal} signal of any abort */
  constructor(chunks, controller, signal) {
    this.#chunks = untilAbort(chunks, signal);
    this.controller = controller;
  }

  [Symbol.asyncIterator]() {
    return this.#chunks;
  }
}

/**
 * @template Chunk
 * @param {AsyncGenerator<Chunk, void, undefined>} chunks
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Chunk, void, undefined>}
 */
async function* untilAbort(chunks, signal) {
  try {
    yield* chunks;
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/**
 * One of the two kinds of completions that a model writes: answers to chats, or what continues texts.
 * @hideconstructor
 * @template {ChatParams | CompletionParams} [Params=ChatParams]
 * @template [Whole=ChatCompletion]
 * @template [Chunk=ChatCompletionChunk]
 */
export class Completions {
  #model;
  #read;
  #Answer;

  /**
   * @param {Model} model
   * @param {'chat' | 'text'} kind
   */
  constructor(model, kind) {
    this.#model = model;
    this.#read = kind === 'chat' ? chatRequest : completionRequest;
    this.#Answer = kind === 'chat' ? ChatAnswer : TextAnswer;
  }

  /**
   * The whole completion.
   * @overload
   * @param {Params & { stream?: false | null | undefined }} params
   * @param {RequestOptions} [options]
   * @returns {Promise<Whole>}
   */
  /**
   * Chunks as they are written, once the prompt is accepted.
   * @overload
   * @param {Params & { stream: true }} params
   * @param {RequestOptions} [options]
   * @returns {Promise<ChunkStream<Chunk>>}
   */
  /**
   * @overload
   * @param {Params} params
   * @param {RequestOptions} [options]
   * @returns {Promise<Whole | ChunkStream<Chunk>>}
   */
  /**
   * @param {any} params
   * @param {RequestOptions} [options]
   * @returns {Promise<any>}
   */
  async create(params, { signal } = {}) {
    const input = this.#Answer === ChatAnswer ? 'messages' : 'prompt';
    try {
      const request = this.#read(params);
      if (input === 'prompt') request.prompts = await textsOf(this.#model, /** @type {(string | number[])[]} */ (request.prompts), input);
      const controller = new AbortController();
      const all = AbortSignal.any([controller.signal, ...(signal ? [signal] : [])]);
      const running = this.#start(request, all);
      if (request.stream) {
        // A prompt that is refused rejects here, before there is a stream.
        const first = await running.next();
        return new ChunkStream(chunks(running, first, request, this.#frame(request), input), controller, all);
      }
      for (;;) {
        const { done, value } = await running.next();
        if (done) return this.#whole(value, request);
      }
    } catch (error) {
      throw toOpenAI(error, input);
    }
  }

  /**
   * @param {OpenAIRequest} request
   * @returns {Frame}
   */
  #frame({ model }) {
    const random = Array.from(crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const id = `${this.#Answer.PREFIX}-${random}`;
    return { id, created: Math.floor(Date.now() / 1000), model: model ?? modelId(this.#model) };
  }

  /**
   * All answers at once, as they are written.
   * @param {OpenAIRequest} request
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<{ answer: Answer, token?: Token }, Answer[], undefined>}
   */
  async *#start({ prompts, options, n }, signal) {
    const wanted = /** @type {(string | Message[])[]} */ (prompts).flatMap((prompt) => Array.from({ length: n }, (_, i) => ({ prompt, i })));
    const answers = wanted.map((_, index) => new this.#Answer(index));
    // A seed stands for one answer: several have seeds one behind the other.
    const streams = wanted.map(({ prompt, i }) => {
      const seed = options.seed === undefined ? undefined : (options.seed + i) % 2 ** 53;
      return this.#model.generate(prompt, { ...options, seed, signal });
    });
    const events = streams.map((stream) => stream.events());
    const next = (/** @type {number} */ index) => events[index].next().then((step) => ({ index, step }));
    const pending = new Map(events.map((_, index) => [index, next(index)]));
    try {
      while (pending.size > 0) {
        const { index, step } = await Promise.race(pending.values());
        const answer = answers[index];
        if (step.done || step.value.type === 'done') {
          pending.delete(index);
          answer.end(/** @type {GenerationResult} */ (streams[index].result));
          yield { answer };
          continue;
        }
        pending.set(index, next(index));
        if (step.value.type !== 'token') {
          yield { answer };
          continue;
        }
        answer.push(step.value);
        yield { answer, token: step.value };
      }
      return answers;
    } finally {
      pending.forEach((step) => step.catch(() => {}));
      await Promise.all(streams.map((stream) => stream.return()));
    }
  }

  /**
   * @param {Answer[]} answers
   * @param {OpenAIRequest} request
   */
  #whole(answers, request) {
    const object = this.#Answer.OBJECT;
    const { id, ...frame } = this.#frame(request);
    return { id, object, ...frame, choices: answers.map((answer) => answer.choice()), usage: usageOf(answers) };
  }
}

/**
 * @param {AsyncGenerator<{ answer: Answer, token?: Token }, Answer[], undefined>} running
 * @param {IteratorResult<{ answer: Answer, token?: Token }, Answer[]>} step its first one
 * @param {OpenAIRequest} request
 * @param {Frame} frame
 * @param {string} input
 * @returns {AsyncGenerator<any, void, undefined>}
 */
async function* chunks(running, step, { includeUsage }, { id, ...frame }, input) {
  const chunkOf = (/** @type {any[]} */ choices, /** @type {string} */ object) =>
    ({ id, object, ...frame, choices, ...(includeUsage && { usage: null }) });
  let object = '';
  try {
    for (; !step.done; step = await running.next()) {
      const { answer, token } = step.value;
      object = answer.chunkObject;
      for (const choice of answer.deltas(token)) yield chunkOf([choice], object);
    }
    if (includeUsage) yield { ...chunkOf([], object), usage: usageOf(step.value) };
  } catch (error) {
    throw toOpenAI(error, input);
  } finally {
    await running.return([]);
  }
}

/**
 * @param {Answer[]} answers
 * @returns {CompletionUsage}
 */
function usageOf(answers) {
  const usages = answers.flatMap(({ result }) => result?.usage ?? []);
  // Answers to the same prompt are n, and it counts once.
  const [first] = usages;
  const sum = (/** @type {keyof Usage} */ name) => usages.reduce((sum, usage) => sum + (usage[name] ?? 0), 0);
  const reasoningTokens = answers.reduce((sum, answer) => sum + answer.reasoningTokens, 0);
  const promptTokens = answers[0]?.sharesPrompt ? (first?.promptTokens ?? 0) : sum('promptTokens');
  return {
    prompt_tokens: promptTokens,
    completion_tokens: sum('completionTokens'),
    total_tokens: promptTokens + sum('completionTokens'),
    prompt_tokens_details: { cached_tokens: Math.min(promptTokens, first?.cachedTokens ?? 0), audio_tokens: 0 },
    ...(reasoningTokens > 0 && { completion_tokens_details: { reasoning_tokens: reasoningTokens } }),
  };
}
