// A conversation that was saved, with a model again.
import { BitNetError } from '../error.js';
import { checkMessages } from '../options.js';
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
  const data = typeof saved === 'string' ? (await loadChat(saved)).chat : saved;
  check(data);
  const { system, messages, ...rest } = options;
  if (system !== undefined || messages !== undefined) {
    throw new BitNetError('invalid_argument', 'restore: a saved conversation has its messages already: leave out system and messages, or begin one with model.chat.');
  }
  const chat = new Chat(model, { ...data.options, ...rest }, History.from(data));
  chat.id = id;
  return chat;
}

/** @param {SavedChat} saved */
function check(saved) {
  if (saved?.version !== 1 || !Array.isArray(saved.messages) || !Number.isInteger(saved.first)) {
    throw new BitNetError('invalid_argument', 'restore: expected an id, or what chat.toJSON() gave in this version of bitnet-web.');
  }
  if (saved.messages.length > 0) checkMessages(saved.messages);
}
