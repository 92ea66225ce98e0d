// Embeddings in the shape of OpenAI's API.
import { OpenAIError, toOpenAI } from './error.js';
import { modelId } from './completions.js';
import { inputs, isTextInput, textsOf } from './token-prompt.js';

/** @import { TextInput } from './token-prompt.js' */
/** @import { Model } from '../model.js' */
/** @import { RequestOptions } from './completions.js' */
/** @import { CreateEmbeddingResponse } from './types.js' */

/**
 * @typedef {object} EmbeddingParams
 * @property {TextInput} input
 * @property {string | undefined} [model]
 * @property {'float' | 'base64' | undefined} [encoding_format]
 * @property {number | undefined} [dimensions] can only be those that the model's vectors have
 * @property {string | undefined} [user] has no effect
 */

/**
 * Embeddings of texts, where the model makes any.
 * @hideconstructor
 */
export class Embeddings {
  #model;

  /** @param {Model} model */
  constructor(model) {
    this.#model = model;
  }

  /**
   * @overload
   * @param {EmbeddingParams & { encoding_format: 'base64' }} params
   * @param {RequestOptions} [options]
   * @returns {Promise<CreateEmbeddingResponse<string>>}
   */
  /**
   * @overload
   * @param {EmbeddingParams} params
   * @param {RequestOptions} [options]
   * @returns {Promise<CreateEmbeddingResponse>}
   */
  /**
   * @param {any} params
   * @param {RequestOptions} [options]
   * @returns {Promise<CreateEmbeddingResponse<any>>}
   */
  async create(params, { signal } = {}) {
    // As for completions, null is a parameter that is not there.
    const { input, model, encoding_format: format = 'float', dimensions, ...rest } = given(params);
    const [unknown] = Object.keys(rest).filter((name) => name !== 'user');
    if (unknown !== undefined) throw new OpenAIError(400, `Unsupported parameter: '${unknown}'. Supported are input, model, encoding_format, dimensions, user.`, { param: unknown, code: 'unsupported_parameter' });
    if (!isTextInput(input) || inputs(input).includes('')) {
      throw new OpenAIError(400, "Invalid value for 'input': expected a string, an array of strings, none empty, or the tokens of one text or of several.", { param: 'input', code: 'invalid_value' });
    }
    if (format !== 'float' && format !== 'base64') {
      throw new OpenAIError(400, "Invalid value for 'encoding_format': expected 'float' or 'base64'.", { param: 'encoding_format', code: 'invalid_value' });
    }
    /** @type {any} */
    const embedder = this.#model;
    if (typeof embedder.embed !== 'function') {
      throw new OpenAIError(400, 'This version makes no embeddings.', { param: 'model', code: 'unsupported' });
    }
    try {
      const texts = await textsOf(this.#model, inputs(input), 'input');
      /** @type {Float32Array[]} */
      const vectors = await embedder.embed(texts, { signal: signal ?? undefined });
      const [{ length }] = vectors;
      if (dimensions !== undefined && dimensions !== length) {
        const message = `Invalid value for 'dimensions': the vectors of this model have ${length} numbers, found ${dimensions}.`;
        throw new OpenAIError(400, message, { param: 'dimensions', code: 'invalid_value' });
      }
      const counts = await Promise.all(texts.map((text) => this.#model.countTokens(text)));
      const tokens = counts.reduce((sum, count) => sum + count, 0);
      const data = vectors.map((vector, index) => ({
        object: /** @type {const} */ ('embedding'),
        index,
        embedding: format === 'base64' ? toBase64(vector) : Array.from(vector),
      }));
      return { object: 'list', data, model: model ?? modelId(this.#model), usage: { prompt_tokens: tokens, total_tokens: tokens } };
    } catch (error) {
      throw toOpenAI(error, 'input');
    }
  }
}

/** @param {Record<string, any> | null | undefined} params @returns {Record<string, any>} */
function given(params) {
  return Object.fromEntries(Object.entries(params ?? {}).filter(([, value]) => value !== null && value !== undefined));
}

/** Little-endian, as the clients read it. @param {Float32Array} numbers */
function toBase64(numbers) {
  const view = new DataView(new ArrayBuffer(numbers.length * 4));
  numbers.forEach((number, i) => view.setFloat32(i * 4, number, true));
  return btoa(Array.from(new Uint8Array(view.buffer), (byte) => String.fromCharCode(byte)).join(''));
}
