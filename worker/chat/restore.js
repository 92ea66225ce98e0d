// A conversation that was saved, with a model again.
import { BitNetError } from '../error.js';
import { checkMessages } from '../options.js';
import { importPrefix } from '../prefix.js';
import { Chat } from './chat.js';
import { History } from './history.js';
import { loadChat } from './store.js';

/** @import { Model } from '../model.js' */
/** @import { ChatSessionOptions } from './chat.js' */
/** @import { SavedChat } from './store.js' */

/**
 * @param {Model} model
 * @param {string | SavedChat} saved
 * @param {ChatSessionOptions} options
 * @returns {Promise<Chat>}
 */
export async function restoreChat(model, saved, options) {
  const id = typeof saved === 'string' ? saved : undefined;
  /** @type {{ chat: SavedChat, prefix?: Blob }} */
  const { chat: data, prefix } = typeof saved === 'string' ? await loadChat(saved) : { chat: saved };
  check(data);
  const { system, messages, ...rest } = options;
  if (system !== undefined || messages !== undefined) {
    throw new BitNetError('invalid_argument', 'restore: a saved conversation has its messages already: leave out system and messages, or begin one with model.chat.');
  }
  const chat = new Chat(model, { ...data.options, ...rest }, History.from(data));
  chat.id = id;
  if (prefix !== undefined) chat.restoredTokens = await importInto(model, prefix);
  return chat;
}

/** Why keys and values are of no use here: then the conversation is read again. @type {Set<string>} */
const USELESS = new Set(['integrity', 'other_model', 'unsupported', 'context_overflow', 'out_of_memory']);

/**
 * @param {Model} model
 * @param {Blob} prefix
 * @returns {Promise<number>} tokens
 */
async function importInto(model, prefix) {
  try {
    return await importPrefix(model, new Uint8Array(await prefix.arrayBuffer()));
  } catch (error) {
    if (error instanceof BitNetError && !USELESS.has(error.code)) throw error;
    return 0;
  }
}

/** @param {SavedChat} saved */
function check(saved) {
  if (saved?.version !== 1 || !Array.isArray(saved.messages) || !Number.isInteger(saved.first)) {
    throw new BitNetError('invalid_argument', 'restore: expected an id, or what chat.toJSON() gave in this version of bitnet-web.');
  }
  if (saved.messages.length > 0) checkMessages(saved.messages);
}
