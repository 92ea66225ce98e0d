// Headers by address: the page's function is asked by the engine worker before each request.
import { BitNetError } from './error.js';

/** @typedef {Record<string, string>} HeaderRecord */
/** @typedef {(url: string) => HeaderRecord | Promise<HeaderRecord>} HeaderFunction */

/**
 * Whether a value is an object of strings.
 * @param {unknown} value
 * @returns {value is HeaderRecord}
 */
export function isHeaderRecord(value) {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) &&
    Object.values(value).every((text) => typeof text === 'string')
  );
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
      if (!isHeaderRecord(headers)) throw new TypeError('it gave something else than an object of strings');
      port1.postMessage({ id, headers: Object.entries(headers) });
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
