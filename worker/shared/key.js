// What tabs must have in common to share an engine.
import { BitNetError } from '../error.js';
import { checkAddress } from '../source.js';
import { resolveAddress } from '../options.js';

/** @import { LoadOptions } from '../schema.js' */
/** @import { Source } from '../source.js' */

/** Changes with the messages between tabs: a page of another version has an engine of its own. */
const VERSION = 2;

/**
 * @param {Source} source
 * @param {LoadOptions & { mostContext?: number }} options already checked
 * @param {{ variant: string, isolated: boolean, mostThreads: number | undefined }} setting of the preset, where there is one, `mostThreads`
 * @returns {Promise<string>} the same for all tabs that may share
 * @throws {BitNetError} `invalid_argument` where another tab could not read the source, `unsupported` where tabs cannot talk
 */
export async function sharedKey(source, options, { variant, isolated, mostThreads }) {
  const missing = ['locks' in (globalThis.navigator ?? {}) ? [] : 'navigator.locks', 'BroadcastChannel' in globalThis ? [] : 'BroadcastChannel'].flat();
  if (missing.length > 0 || globalThis.crypto?.subtle === undefined) {
    throw new BitNetError('unsupported', `Tabs cannot share an engine here (${missing[0] ?? 'crypto.subtle'} is missing, as on a page that is not served by https:): load without the option shared.`);
  }
  const { threads = 'auto', context, mostContext, kernel = 'auto', precision = 'fast', integrity, chatTemplate, preTokenizer, i2sLayout = 'x86' } = options;
  const { maxConcurrent, maxQueue, kvTokens, hfBase, adapters = [] } = options;
  const named = adapters.map(({ source, name, weight = 1 }) => [addressOf(source), name, weight]);
  const all = [
    VERSION, addressOf(source), hfBase === undefined ? undefined : resolveAddress(hfBase), variant, isolated, threads, mostThreads, context, mostContext,
    kernel, precision,    integrity, chatTemplate, preTokenizer, i2sLayout, maxConcurrent, maxQueue, kvTokens, named,
  ];
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify(all.map((value) => value ?? null))));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** @param {Source} source */
function addressOf(source) {
  const address = typeof source === 'string' || source instanceof URL ? checkAddress(source) : undefined;
  if (address !== undefined && !/^(blob|data):/i.test(address)) return address;
  throw new BitNetError('invalid_argument', 'source: expected an address of a server for an engine that tabs share: every tab must be able to load it.', { details: { option: 'shared' } });
}
