// Messages with calls and their results, for templates that know them and for those that do not.
import { BitNetError } from '../error.js';
import { GENERIC } from './convention.js';

/** @import { WireMessage } from '../protocol.js' */
/** @import { Tool } from './definition.js' */

/**
 * Messages whose calls have their arguments as data, as templates expect them (OpenAI's API has them as text), and whose results
 * belong to a call before them.
 * @param {WireMessage[]} messages
 * @returns {WireMessage[]}
 */
export function checkCalls(messages) {
  const ids = new Set();
  return messages.map((message, index) => {
    const { tool_calls: calls, tool_call_id: id } = message.fields;
    if (message.role === 'tool' && ids.size > 0 && id !== undefined && !ids.has(id)) {
      throw new BitNetError('invalid_argument', `messages[${index}]: expected the id of a call before it as tool_call_id, found '${id}'.`, {
        details: { index, found: id, calls: [...ids] },
      });
    }
    if (!Array.isArray(calls)) return message;
    const read = calls.map((call, at) => {
      if (call?.id !== undefined) ids.add(call.id);
      const inner = call?.function;
      if (typeof inner?.arguments !== 'string') return call;
      return { ...call, function: { ...inner, arguments: parse(inner.arguments, `messages[${index}].tool_calls[${at}]`) } };
    });
    return { ...message, fields: { ...message.fields, tool_calls: read } };
  });
}

/**
 * @param {string} text
 * @param {string} place
 */
function parse(text, place) {
  try {
    return JSON.parse(text);
  } catch {
    throw new BitNetError('invalid_argument', `${place}: expected JSON in function.arguments, found '${text.slice(0, 80)}'.`, {
      details: { found: text.slice(0, 200) },
    });
  }
}

/**
 * The same conversation for a template that knows nothing of tools: they are described to the model, calls are the assistant's text,
 * and results the user's.
 * @param {WireMessage[]} messages
 * @param {readonly object[]} tools as the caller defines them
 * @param {boolean} hasSystem whether the template shows a system's message
 * @returns {WireMessage[]}
 */
export function inText(messages, tools, hasSystem) {
  /** @type {WireMessage[]} */
  const out = [];
  let isResult = false;
  for (const message of messages) {
    const { tool_calls: calls, tool_call_id: _, name: __, ...fields } = message.fields;
    if (message.role === 'tool') {
      const content = `<tool_response>\n${textOf(message)}\n</tool_response>`;
      const last = out.at(-1);
      if (isResult && last) last.content = `${last.content}\n${content}`;
      else out.push({ role: 'user', content, fields: {} });
    } else if (Array.isArray(calls)) {
      const texts = [textOf(message), ...calls.map(written)].filter((text) => text !== '');
      out.push({ ...message, content: texts.join('\n'), fields });
    } else out.push({ ...message });
    isResult = message.role === 'tool';
  }
  if (tools.length === 0) return out;
  const text = describe(tools);
  const first = out.findIndex(({ role }) => role === (hasSystem ? 'system' : 'user'));
  if (first >= 0) out[first].content = hasSystem ? `${textOf(out[first])}\n\n${text}` : `${text}\n\n${textOf(out[first])}`;
  else out.unshift({ role: hasSystem ? 'system' : 'user', content: text, fields: {} });
  return out;
}

/** @param {WireMessage} message */
function textOf({ content }) {
  return Array.isArray(content) ? content.join('') : (content ?? '');
}

/** @param {any} call */
function written(call) {
  const { open, head, middle, tail, close } = GENERIC;
  const { name, arguments: values = {} } = call.function ?? call;
  return `${open}${head}${name}${middle}${json(values)}${tail}${close}`;
}

/**
 * JSON as the grammar of calls has it, with a space behind commas and colons.
 * @param {unknown} value
 * @returns {string}
 */
function json(value) {
  if (Array.isArray(value)) return `[${value.map(json).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value).map(([name, inner]) => `${JSON.stringify(name)}: ${json(inner)}`).join(', ')}}`;
}

/** @param {readonly object[]} tools */
function describe(tools) {
  const { open, head, middle, tail, close } = GENERIC;
  const list = tools.map((tool) => JSON.stringify(tool)).join('\n');
  return (
    `You can call these functions, each described by a JSON schema:\n<tools>\n${list}\n</tools>\n\n` +
    `To call one, answer with its name and arguments as JSON:\n${open}${head}name of the function${middle}{...}${tail}${close}\n` +
    'The result comes back within <tool_response></tool_response>. Call a function only if it helps; otherwise answer in plain text.'
  );
}
