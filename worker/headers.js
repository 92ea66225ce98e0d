// Headers by address: the page's function is asked by the engine worker before each request.
import { BitNetError } from './error.js';

/** @typedef {Headers | Record<string, string>} HeaderRecord */
/** @typedef {(url: string) => HeaderRecord | Promise<HeaderRecord>} HeaderFunction */

/**
 * Whether a value is `Headers`, or an object of strings that may be sent as headers.
 * @param {unknown} value
 * @returns {value is HeaderRecord}
 */
export function isHeaderRecord(value) {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Headers) return true;
  if (Symbol.iterator in value || !Object.values(value).every((text) => typeof text === 'string')) return false;
  try {
    new Headers(/** @type {Record<string, string>} */ (value)); // names and values that no header can have
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {HeaderRecord} headers
 * @returns {Record<string, string>} a copy
 */
export function copyHeaders(headers) {
  return headers instanceof Headers ? Object.fromEntries(headers.entries()) : { ...headers };
}

/**
 * The page's end.
 * @param {HeaderFunction} headersOf
 * @returns {{ port: MessagePort, release: () => void }} the engine's end, to be transferred; nothing is answered after the release
 */
export function serveHeaders(headersOf) {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = async ({ data: { id, url } }) => {
    try {
      const headers = (await headersOf(url)) ?? {};
      if (!isHeaderRecord(headers)) throw new TypeError('headers: expected the function to give Headers, or an object of strings that may be sent as headers');
      port1.postMessage({ id, headers: Object.entries(copyHeaders(headers)) });
    } catch (error) {
      port1.postMessage({ id, error: String(error) });
    }
  };
  return { port: port2, release: () => port1.close() };
}

/**
 * The engine's end.
 * @param {MessagePort} port
 * @returns {(url: string) => Promise<[string, string][]>}
 */
export function asker(port) {
  /** @type {Map<number, { resolve: (headers: [string, string][]) => void, reject: (error: Error) => void }>} */
  const waiting = new Map();
  let last = 0;
  port.onmessage = ({ data: { id, headers, error } }) => {
    const call = waiting.get(id);
    waiting.delete(id);
    if (headers) call?.resolve(headers);
    else call?.reject(new BitNetError('invalid_argument', error));
  };
  return (url) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      port.postMessage({ id: last, url });
    });
}
