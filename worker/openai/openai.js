// A model behind the interface of OpenAI's API: as methods, and as a `fetch` for clients of that API.
import { Completions, modelId } from './completions.js';
import { Embeddings } from './embeddings.js';
import { OpenAIError } from './error.js';
import { respond } from './fetch.js';

/** @import { Model } from '../model.js' */
/** @import { ChatParams, CompletionParams } from './request.js' */
/** @import { ChatCompletion, ChatCompletionChunk, ModelDescription, TextCompletion, TextCompletionChunk } from './types.js' */

/**
 * The parts of OpenAI's API that a model in the page can have.
 * @hideconstructor
 */
export class OpenAI {
  #model;
  #created = Math.floor(Date.now() / 1000);

  /**
   * Use `model.openai`.
   * @param {Model} model
   */
  constructor(model) {
    this.#model = model;
    /** @type {{ completions: Completions<ChatParams, ChatCompletion, ChatCompletionChunk> }} */
    this.chat = { completions: new Completions(model, 'chat') };
    /** @type {Completions<CompletionParams, TextCompletion, TextCompletionChunk>} */
    this.completions = new Completions(model, 'text');
    this.embeddings = new Embeddings(model);
    this.models = {
      /** A page, which can also be gone through. @returns {Promise<{ object: 'list', data: ModelDescription[] } & AsyncIterable<ModelDescription>>} */
      list: async () => ({ object: 'list', data: [this.#describe()], [Symbol.asyncIterator]: () => listed(this.#describe()) }),
      /** @param {string} id @returns {Promise<ModelDescription>} */
      retrieve: async (id) => {
        const found = this.#describe();
        if (found.id === id) return found;
        throw new OpenAIError(404, `The model '${id}' does not exist: '${found.id}' is loaded.`, { param: 'model', code: 'model_not_found' });
      },
    };
    /**
     * Answers requests for OpenAI's API in place of the network: `new OpenAI({ fetch: model.openai.fetch, apiKey: 'none' })`.
     * Requests for anything else are refused, never sent.
     * @type {(input: string | URL | Request, init?: RequestInit) => Promise<Response>}
     */
    this.fetch = (input, init) => respond(this, input, init);
  }

  /** @returns {ModelDescription} */
  #describe() {
    return { id: modelId(this.#model), object: 'model', created: this.#created, owned_by: 'bitnet-web' };
  }
}

/** @param {ModelDescription} description */
async function* listed(description) {
  yield description;
}
