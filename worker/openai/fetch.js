// OpenAI's API over HTTP, without a network: a request in, a response out, as events where it asks for a stream.
import { OpenAIError } from './error.js';
import { ChunkStream } from './completions.js';

/** @import { OpenAI } from './openai.js' */

/**
 * What a path leads to.
 * @typedef {object} Route
 * @property {'GET' | 'POST'} method
 * @property {RegExp} path
 * @property {(api: OpenAI, body: any, signal: AbortSignal, match: RegExpMatchArray) => Promise<any>} answer
 */

/** @type {Route[]} */
const ROUTES = [
  { method: 'POST', path: /\/chat\/completions\/?$/, answer: (api, body, signal) => api.chat.completions.create(body, { signal }) },
  { method: 'POST', path: /\/completions\/?$/, answer: (api, body, signal) => api.completions.create(body, { signal }) },
  { method: 'POST', path: /\/embeddings\/?$/, answer: (api, body, signal) => api.embeddings.create(body, { signal }) },
  { method: 'GET', path: /\/models\/?$/, answer: (api) => api.models.list() },
  { method: 'GET', path: /\/models\/([^/]+)$/, answer: (api, _body, _signal, match) => api.models.retrieve(decode(match[1])) },
];

/**
 * @param {OpenAI} api
 * @param {string | URL | Request} input
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 */
export async function respond(api, input, init) {
  const request = new Request(input instanceof Request ? input : new URL(input, 'http://localhost/'), init);
  const { signal, method } = request;
  signal.throwIfAborted();
  try {
    const { pathname } = new URL(request.url);
    const found = ROUTES.find(({ path }) => path.test(pathname));
    if (found === undefined) {
      throw new OpenAIError(404, `Unknown request URL: ${method} ${pathname}.`, { code: 'unknown_url' });
    }
    if (found.method !== method) {
      throw new OpenAIError(405, `Not allowed to ${method} on ${pathname}: use ${found.method}.`, { code: 'method_not_supported' });
    }
    const body = method === 'POST' ? await readBody(request) : undefined;
    const match = /** @type {RegExpMatchArray} */ (found.path.exec(pathname));
    const answer = await found.answer(api, body, signal, match);
    return answer instanceof ChunkStream ? eventStream(answer, signal) : json(200, answer);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    if (error instanceof OpenAIError) return json(error.status, { error: error.error }, retryAfter(error));
    throw error;
  }
}

/** A part of a path; as it is, where its percent signs mean nothing. @param {string} part */
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/**
 * When a client that has asked too often may ask again. It may wait for that by itself.
 * @param {OpenAIError} error
 * @returns {Record<string, string>}
 */
function retryAfter({ cause }) {
  const { retryAfterMs } = /** @type {{ details?: { retryAfterMs?: number } } | undefined} */ (cause)?.details ?? {};
  return retryAfterMs === undefined ? {} : { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)), 'X-Should-Retry': 'true' };
}

/** @param {Request} request */
async function readBody(request) {
  try {
    return await request.json();
  } catch (cause) {
    throw new OpenAIError(400, `We could not parse the JSON body of your request: ${cause}`, { cause });
  }
}

/**
 * @param {number} status
 * @param {unknown} body
 * @param {Record<string, string>} [more]
 */
function json(status, body, more) {
  // A client must not try again what fails here: it would fail in the same way.
  const headers = { 'Content-Type': 'application/json', 'X-Should-Retry': 'false', ...more };
  return new Response(JSON.stringify(body), { status, headers });
}

/**
 * Server-sent events: one with each chunk, then the word that ends them. An error ends them too, as an event.
 * @param {ChunkStream<any>} chunks
 * @param {AbortSignal} signal of the request
 */
function eventStream(chunks, signal) {
  const encoder = new TextEncoder();
  const event = (/** @type {string} */ data) => encoder.encode(`data: ${data}\n\n`);
  const iterator = chunks[Symbol.asyncIterator]();
  /** @type {ReadableStream<Uint8Array>} */
  const body = new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await iterator.next();
        if (!done) return controller.enqueue(event(JSON.stringify(value)));
        if (signal.aborted) return controller.error(signal.reason);
        controller.enqueue(event('[DONE]'));
      } catch (error) {
        if (!(error instanceof OpenAIError)) return controller.error(error);
        controller.enqueue(event(JSON.stringify({ error: error.error })));
      }
      controller.close();
    },
    async cancel() {
      chunks.controller.abort();
      await iterator.return?.(undefined);
    },
  });
  return new Response(body, { headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'Cache-Control': 'no-cache' } });
}
