// A file server that misbehaves on purpose, one fault per request, and remembers exactly what it was asked for.
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';

/**
 * What is wrong with one answer.
 * @typedef {object} Fault
 * @property {number} [cut] break the connection after this many bytes of the body
 * @property {number} [status] answer with this status and no file
 * @property {string | number} [retryAfter] `Retry-After` beside `status`
 * @property {number} [shift] a 206 whose range (header and bytes) is moved by this many bytes
 * @property {boolean} [ignoreRange] 200 with the whole file although a range was asked for
 * @property {boolean} [refuseRange] 416 although the range is inside the file
 * @property {number} [claim] a Content-Length that is this much too large (or too small); the connection then ends
 * @property {number} [pause] milliseconds between two pieces of the body
 * @property {number} [stall] send this many bytes of the body, then nothing more
 * @property {boolean} [gzip] compress on the fly
 * @property {boolean} [chunked] send no Content-Length
 * @property {boolean} [html] 200 with an error page
 * @property {string} [type] `Content-Type` of the file's bytes
 * @property {string} [date] `Date` beside `status`
 * @property {string} [redirect] 302 to this address
 * @property {Promise<void>} [hold] answer nothing before this
 */

/**
 * @typedef {object} Seen
 * @property {string} method
 * @property {string} path
 * @property {[number, number] | undefined} range first and last byte, as asked
 * @property {string | undefined} ifRange
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {number} status
 * @property {number} sent bytes of the body
 */

/**
 * @typedef {object} Hosted
 * @property {Buffer} bytes
 * @property {string} [etag] default: none
 * @property {string} [lastModified] default: none
 * @property {boolean} [cors] other origins may read it
 * @property {string} [expose] headers that other origins may see
 * @property {boolean} [ranges] default true
 * @property {number} [rate] bytes per second that all of its answers share
 * @property {(seen: Seen, count: number) => Fault | undefined} [fault] what goes wrong at the request of this number, from 0
 */

const PIECE = 4096;

/** @param {number} ms */
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class HostileServer {
  /** @type {Map<string, Hosted>} */
  files = new Map();
  /** @type {Seen[]} every request for a hosted file, in order */
  log = [];
  origin = '';
  /** When a line with a rate is free again. */
  #free = 0;
  #server = createServer((request, response) => {
    response.on('error', () => {}); // the page went away
    this.#answer(request, response).catch((error) => response.destroy(error));
  });

  /** Starts on a free port of this machine. */
  static async start() {
    const server = new HostileServer();
    await new Promise((resolve) => server.#server.listen(0, '127.0.0.1', () => resolve(undefined)));
    const address = server.#server.address();
    if (address === null || typeof address === 'string') throw new Error('the server has no port');
    server.origin = `http://localhost:${address.port}`;
    return server;
  }

  async close() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /**
   * Hosts a file from now on.
   * @param {string} path
   * @param {Hosted} hosted
   * @returns {string} its address
   */
  host(path, hosted) {
    this.files.set(path, hosted);
    return this.origin + path;
  }

  /** The GET requests for a path since the log was last cleared. @param {string} path */
  gets(path) {
    return this.log.filter((seen) => seen.path === path && seen.method === 'GET');
  }

  /** The ranges that were asked for, as `[first, last]`, in order. @param {string} path */
  ranges(path) {
    return this.gets(path).map((seen) => seen.range);
  }

  /**
   * Answers for another server of a test, where the path is hosted: that makes it the page's own origin.
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   * @param {string} path
   */
  async handle(request, response, path) {
    if (!this.files.has(path)) return false;
    await this.#answer(request, response);
    return true;
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #answer(request, response) {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://host').pathname);
    const hosted = this.files.get(path);
    response.setHeader('Cache-Control', 'no-store');
    if (hosted?.cors) {
      response.setHeader('Access-Control-Allow-Origin', '*');
      response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
      if (hosted.expose) response.setHeader('Access-Control-Expose-Headers', hosted.expose);
      if (request.method === 'OPTIONS') {
        response.setHeader('Access-Control-Allow-Headers', '*');
      }
    }
    const asked = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    /** @type {Seen} */
    const seen = {
      method: request.method ?? 'GET',
      path,
      range: asked ? [Number(asked[1]), Number(asked[2])] : undefined,
      ifRange: /** @type {string | undefined} */ (request.headers['if-range']),
      headers: request.headers,
      status: 0,
      sent: 0,
    };
    const count = this.gets(path).length;
    this.log.push(seen);
    if (hosted === undefined || request.method === 'OPTIONS') {
      seen.status = hosted ? 204 : 404;
      return void response.writeHead(seen.status).end();
    }
    const fault = hosted.fault?.(seen, count) ?? {};
    await this.#send(hosted, fault, seen, response);
  }

  /** Holds the line for so many seconds, one piece after the other. @param {number} seconds */
  async #slow(seconds) {
    const free = Math.max(this.#free, Date.now()) + seconds * 1000;
    this.#free = free;
    await sleep(free - Date.now());
  }

  /**
   * @param {Hosted} hosted
   * @param {Fault} fault
   * @param {Seen} seen
   * @param {import('node:http').ServerResponse} response
   */
  async #send(hosted, fault, seen, response) {
    await fault.hold;
    const { bytes } = hosted;
    if (hosted.etag) response.setHeader('ETag', hosted.etag);
    if (hosted.lastModified) response.setHeader('Last-Modified', hosted.lastModified);
    if (fault.redirect) {
      seen.status = 302;
      return void response.writeHead(302, { Location: fault.redirect }).end();
    }
    if (fault.status) {
      seen.status = fault.status;
      if (fault.retryAfter !== undefined) response.setHeader('Retry-After', fault.retryAfter);
      if (fault.date !== undefined) response.setHeader('Date', fault.date);
      return void response.writeHead(fault.status, { 'Content-Type': 'text/plain' }).end('no\n');
    }
    if (fault.html) {
      seen.status = 200;
      const page = '<!DOCTYPE html><html><title>Sign in</title><p>Please sign in to go on.</p></html>';
      return void response.writeHead(200, { 'Content-Type': 'text/html' }).end(page);
    }
    const stale = seen.ifRange !== undefined && seen.ifRange !== hosted.etag;
    const whole = fault.ignoreRange || hosted.ranges === false || seen.range === undefined || stale;
    const [first, last] = whole || !seen.range ? [0, bytes.length - 1] : seen.range;
    if (first >= bytes.length || (fault.refuseRange && !whole)) {
      seen.status = 416;
      return void response.writeHead(416, { 'Content-Range': `bytes */${bytes.length}` }).end();
    }
    const shift = whole ? 0 : (fault.shift ?? 0);
    const [from, to] = [first + shift, Math.min(last + 1 + shift, bytes.length)];
    let body = bytes.subarray(from, to);
    seen.status = whole ? 200 : 206;
    if (!whole) response.setHeader('Content-Range', `bytes ${from}-${to - 1}/${bytes.length}`);
    if (fault.gzip) {
      body = gzipSync(body, { level: 1 });
      response.setHeader('Content-Encoding', 'gzip');
    }
    if (!fault.chunked) response.setHeader('Content-Length', body.length + (fault.claim ?? 0));
    response.writeHead(seen.status, { 'Content-Type': fault.type ?? 'application/octet-stream' });
    if (seen.method === 'HEAD') return void response.end();
    const stop = fault.cut ?? fault.stall ?? body.length;
    for (let at = 0; at < Math.min(stop, body.length) && !response.destroyed; at += PIECE) {
      const piece = body.subarray(at, Math.min(at + PIECE, stop, body.length));
      await new Promise((resolve) => response.write(piece, resolve));
      seen.sent += piece.length;
      if (hosted.rate) await this.#slow(piece.length / hosted.rate);
      if (fault.pause) await sleep(fault.pause);
    }
    if (fault.stall !== undefined) return;
    if (fault.cut !== undefined || fault.claim) {
      response.flushHeaders();
      // What was written should arrive before the line goes dead.
      await sleep(20);
      return void response.destroy();
    }
    response.end();
  }
}
