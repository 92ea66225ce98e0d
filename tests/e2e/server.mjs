// A static host for the tests: with or without isolation headers, under any path, and with answers of a test's own.
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize, sep } from 'node:path';

/**
 * A test's own answer; returns true where it took the request.
 * @typedef {(request: import('node:http').IncomingMessage, response: import('node:http').ServerResponse, path: string)
 *   => boolean | Promise<boolean>} Handler
 */

/**
 * @typedef {object} ServerOptions
 * @property {Record<string, string>} folders address prefix (starting and ending in a slash) to folder; the longest that fits wins
 * @property {boolean} [isolated] send the headers that isolate the page; default true
 * @property {boolean} [ranges] answer Range requests; default true
 * @property {Handler} [handle] asked first
 */

/**
 * @typedef {object} RunningServer
 * @property {string} origin without a closing slash
 * @property {{ method: string, path: string, range: string | undefined }[]} requests in the order they came
 * @property {() => Promise<void>} close also cuts what is still open
 */

/** @type {Record<string, string>} */
const MIME = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.wasm': 'application/wasm',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};

/**
 * Serves on a free port of this machine.
 * @param {ServerOptions} options
 * @returns {Promise<RunningServer>}
 */
export async function startServer({ folders, isolated = true, ranges = true, handle }) {
  const prefixes = Object.keys(folders).sort((a, b) => b.length - a.length);
  /** @type {RunningServer['requests']} */
  const requests = [];

  const server = createServer(async (request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname);
    requests.push({ method: request.method ?? 'GET', path, range: request.headers.range });
    response.on('error', () => {}); // the page went away, or the test cut the line
    if (isolated) {
      response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
      response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp');
      response.setHeader('Cross-Origin-Resource-Policy', 'same-origin');
    }
    if (await handle?.(request, response, path)) return;
    const prefix = prefixes.find((candidate) => path.startsWith(candidate));
    const relative = prefix === undefined ? '..' : normalize(path.slice(prefix.length));
    if (prefix === undefined || relative.startsWith('..') || relative.startsWith(sep)) return refuse(response, 404);
    const file = join(folders[prefix], path.endsWith('/') ? join(relative, 'index.html') : relative);
    await sendFile(file, request, response, ranges);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');

  return {
    origin: `http://localhost:${address.port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/**
 * @param {import('node:http').ServerResponse} response
 * @param {number} status
 */
function refuse(response, status) {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${status}\n`);
}

/**
 * Sends a file, or the part of it that was asked for. A test's handler may use it too.
 * @param {string} file
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 * @param {boolean} [ranges]
 */
export async function sendFile(file, request, response, ranges = true) {
  const found = await stat(file).catch(() => undefined);
  if (!found?.isFile()) return refuse(response, 404);
  response.setHeader('Content-Type', MIME[extname(file)] ?? 'application/octet-stream');
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('ETag', `"${found.mtimeMs.toString(16)}-${found.size.toString(16)}"`);
  if (ranges) response.setHeader('Accept-Ranges', 'bytes');
  const asked = ranges ? /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') : null;
  const start = asked ? Number(asked[1]) : 0;
  const end = asked?.[2] ? Math.min(Number(asked[2]) + 1, found.size) : found.size;
  if (asked && start >= end) {
    response.setHeader('Content-Range', `bytes */${found.size}`);
    return refuse(response, 416);
  }
  response.setHeader('Content-Length', end - start);
  if (asked) response.setHeader('Content-Range', `bytes ${start}-${end - 1}/${found.size}`);
  response.writeHead(asked ? 206 : 200);
  if (request.method === 'HEAD' || start === end) return response.end();
  createReadStream(file, { start, end: end - 1 }).pipe(response);
}
