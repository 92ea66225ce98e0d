// Checks of what callers ask of a conversation.
import { invalidOption } from '../error.js';
import { checkGenerateOptions, checkMessages } from '../options.js';

/** @import { ChatSessionOptions, OnFull } from './chat.js' */

/** @type {readonly OnFull[]} */
const ON_FULL = ['error', 'truncate', 'shift'];

/**
 * @param {ChatSessionOptions} given
 * @returns the options of the conversation itself, and as `options` those of each answer
 */
export function checkChatSession(given) {
  checkObject('chat options', given);
  const { system, messages, onFull = 'error', keep = 0, reserve, ...options } = given;
  checkGenerateOptions(options);
  if (system !== undefined && typeof system !== 'string') throw invalidOption('system', 'a string', system);
  if (!ON_FULL.includes(onFull)) throw invalidOption('onFull', `one of '${ON_FULL.join("', '")}'`, onFull);
  if (reserve !== undefined && !(Number.isInteger(reserve) && reserve > 0)) throw invalidOption('reserve', 'a whole number of 1 or more', reserve);
  if (!Number.isInteger(keep) || keep < 0) throw invalidOption('keep', 'a whole number of messages, 0 or more', keep);
  if (messages !== undefined && !(Array.isArray(messages) && messages.length === 0)) checkMessages(messages);
  if (system !== undefined && messages?.[0]?.role === 'system') {
    throw invalidOption('messages', 'no system prompt among them, where one is given as system', messages[0]);
  }
  return { system, messages: messages ?? [], onFull, keep, reserve, options };
}

/**
 * @param {{ id?: string | undefined, kv?: boolean | undefined, signal?: AbortSignal | undefined }} given
 * @param {string | undefined} own id, if it has one
 */
export function checkSave(given, own) {
  checkObject('save options', given, ['id', 'kv', 'signal']);
  const { id = own, kv = true, signal } = given;
  if (id !== undefined && (typeof id !== 'string' || id === '')) throw invalidOption('id', 'a string, not empty', id);
  if (typeof kv !== 'boolean') throw invalidOption('kv', 'true or false', kv);
  return { id, kv, signal };
}

/**
 * @param {string} what
 * @param {unknown} value
 * @param {string[]} [names] of its fields; any by default
 */
function checkObject(what, value, names) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalidOption(what, 'an object', value);
  const other = names && Object.keys(value).find((name) => !names.includes(name));
  if (other !== undefined) throw invalidOption(what, `the fields ${names?.join(', ')}`, { [other]: Reflect.get(value, other) });
}
