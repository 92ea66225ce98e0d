/** The text for an error: its code, its sentence, and what the visitor can do. */

/**
 * By `BitNetError.code`; an abort is no error to the visitor.
 * @type {Record<Exclude<import('../../worker/error.js').ErrorCode, 'aborted'>, [title: string, advice: string]>}
 */
const BY_CODE = {
  invalid_gguf: [
    'This is no model file',
    'Choose a GGUF file; a web page that describes a model is not the file itself.',
  ],
  truncated: ['The file is cut short', 'Download or copy it again, then load it once more.'],
  unsupported: [
    'This model cannot run here',
    'bitnet-web runs BitNet b1.58 models in GGUF, with I2_S, TQ1_0 or TQ2_0 weights.',
  ],
  invalid_model: ['The file does not fit together', 'It may be damaged or badly converted. Try another copy.'],
  out_of_memory: ['Not enough memory', 'Close other tabs, or choose a shorter context in the settings.'],
  invalid_argument: ['A setting is out of range', 'Look at the settings and try again.'],
  invalid_grammar: ['The answer cannot take that form', 'Ask for a simpler schema, expression or grammar.'],
  chat_template: [
    'The chat template failed',
    'The template comes with the model file. Try another file of this model.',
  ],
  context_overflow: ['The message is too long', 'Write a shorter message, or load a model with a longer context.'],
  network: ['The download failed', 'Check the connection and try again; what has arrived is kept.'],
  not_found: [
    'No file at this address',
    'Check the address. For Hugging Face, hf:owner/repo/file.gguf is the short form.',
  ],
  unauthorized: ['The server wants an access token', 'This file is private or gated. Choose one that anybody may read.'],
  forbidden: ['The server refuses this file', 'It is private or gated. Choose one that anybody may read.'],
  changed: ['The file has changed on the server', 'Load it again to fetch the new one.'],
  integrity: ['The file is damaged', 'Load it again; the damaged part is fetched anew.'],
  storage: [
    'This browser could not store the model',
    'Make room under Models, or go on without storing: the model runs from memory.',
  ],
  crashed: ['The engine stopped', 'Load the model again. If it happens twice, use fewer threads or a shorter context.'],
  worker_failed: [
    'The engine did not start',
    'A content blocker, or an incomplete copy of this site, can be the reason. Load the page again.',
  ],
  unloaded: ['The model was unloaded', 'Load it again to go on.'],
  internal: ['Something went wrong in bitnet-web', 'Load the model again. If it happens twice, please report it.'],
};

/**
 * @typedef {object} Explanation
 * @property {string} code
 * @property {string} title
 * @property {string} text
 * @property {string} advice
 */

/**
 * @param {unknown} error
 * @returns {Explanation}
 */
export function explain(error) {
  const { code, message } = /** @type {{ code?: unknown, message?: unknown }} */ (error ?? {});
  const known = typeof code === 'string' ? code : 'internal';
  // A newer library may know codes that this page does not.
  const [title, advice] = BY_CODE[/** @type {keyof typeof BY_CODE} */ (known)] ?? BY_CODE.internal;
  return { code: known, title, text: String(message || error || 'No more is known.'), advice };
}

/**
 * Whether the model is gone after this error, so that it has to be loaded again.
 * @param {unknown} error
 */
export function isFatal(error) {
  return ['crashed', 'out_of_memory', 'internal'].includes(/** @type {{ code?: string }} */ (error)?.code ?? '');
}
