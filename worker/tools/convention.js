// How a model writes a call. Templates of models that were trained to call show it: a conversation with a call is rendered, and the
// call is found in it. Models without one get a form of our own, described in the system's message.

/** @import { WireChatOptions, WireMessage } from '../protocol.js' */

/**
 * A call is written as `open + head + name + middle + arguments + tail + close`.
 * @typedef {object} Convention
 * @property {string} open empty where an answer that calls is nothing else
 * @property {string} head
 * @property {string} middle
 * @property {string} tail
 * @property {string} close
 * @property {string | undefined} between calls; `undefined` where one answer calls once
 * @property {boolean} isGeneric whether the template knows nothing of it: tools, calls and results are put into messages
 */

/** @typedef {(messages: WireMessage[], options: WireChatOptions) => Promise<string>} Render */

/** @type {Convention} */
export const GENERIC = {
  open: '<tool_call>\n',
  head: '{"name": "',
  middle: '", "arguments": ',
  tail: '}',
  close: '\n</tool_call>',
  between: '\n',
  isGeneric: true,
};

const NAME = 'probe_of_calls';
const ARGUMENTS = { probe_key: 'probe value' };
const TOOL = {
  type: 'function',
  function: {
    name: 'probe_tool',
    description: 'A probe.',
    parameters: { type: 'object', properties: { probe_key: { type: 'string', description: 'A key.' } }, required: ['probe_key'] },
  },
};

/** @type {WireMessage} */
const QUESTION = { role: 'user', content: 'Hello', fields: {} };

/**
 * A turn that calls so many times, and the results.
 * @param {number} count
 * @returns {WireMessage[]}
 */
function turn(count) {
  const ids = Array.from({ length: count }, (_, index) => `probe000${index}`);
  const calls = ids.map((id) => ({ id, type: 'function', function: { name: NAME, arguments: ARGUMENTS } }));
  return [
    QUESTION,
    { role: 'assistant', content: '', fields: { tool_calls: calls } },
    ...ids.map((id) => ({ role: 'tool', content: 'a result', fields: { tool_call_id: id, name: NAME } })),
  ];
}

/**
 * The convention of a model's template.
 * @param {Render} render
 * @returns {Promise<Convention>}
 */
export async function conventionOf(render) {
  try {
    const options = { tools: [TOOL] };
    const prompt = await render([QUESTION], options);
    const found = find(await render(turn(1), options), prompt);
    if (found === undefined) return GENERIC;
    return { ...found, between: between(await render(turn(2), options).catch(() => ''), found), isGeneric: false };
  } catch {
    return GENERIC; // it knows no tools, or no calls
  }
}

/**
 * @param {string} text a rendered call
 * @param {string} prompt what the model read before it
 * @returns {Omit<Convention, 'between' | 'isGeneric'> | undefined}
 */
function find(text, prompt) {
  const at = text.indexOf(NAME);
  const start = text.lastIndexOf('{', at);
  const rest = at + NAME.length;
  const open = text.indexOf('{', rest);
  const end = text.indexOf('}', open);
  if (at < 0 || start < 0 || open < 0 || end < 0 || !text.startsWith(prompt) || start < prompt.length) return undefined;
  // Written as JSON writes it, with the name first and nothing else beside the arguments.
  const tail = /^\s*\}/.exec(text.slice(end + 1))?.[0];
  if (tail === undefined) return undefined;
  const written = text.slice(start, end + 1 + tail.length);
  try {
    const [[nameKey, name], [argumentsKey, values], ...others] = Object.entries(JSON.parse(written));
    if (others.length > 0 || name !== NAME || JSON.stringify(values) !== JSON.stringify(ARGUMENTS) || nameKey === argumentsKey) return undefined;
  } catch {
    return undefined;
  }
  const form = { head: text.slice(start, at), middle: text.slice(rest, open), tail };
  const before = text.slice(prompt.length, start);
  const tag = /^\s*<(tool_call)>\s*$/.exec(before);
  if (tag !== null) {
    const close = /^\s*<\/tool_call>/.exec(text.slice(start + written.length))?.[0];
    return close === undefined ? undefined : { open: before.trimStart(), ...form, close };
  }
  return before.trim() === '' ? { open: '', ...form, close: '' } : undefined;
}

/**
 * The text between two calls of one answer.
 * @param {string} text rendered
 * @param {Pick<Convention, 'open' | 'head' | 'middle' | 'tail' | 'close'>} form
 * @returns {string | undefined}
 */
function between(text, { open, head, middle, tail, close }) {
  const call = `${open}${head}${NAME}${middle}`;
  const first = text.indexOf(call);
  const second = text.indexOf(call, first + 1);
  const end = text.indexOf(`}${tail}${close}`, first) + `}${tail}${close}`.length;
  if (first < 0 || second < end) return undefined;
  const found = text.slice(end, second);
  return /^[\s;,]*$/.test(found) && (open !== '' || found !== '') ? found : undefined;
}
