// What a caller catches: one error class with a stable code.

/**
 * An error as it crosses from a worker to the page: a plain object, because a class does not survive structured cloning.
 * @typedef {object} WireError
 * @property {string} code Stable; listed in the README and in `src/error.rs`.
 * @property {string} message One sentence: what was expected, what was found, what to do.
 * @property {unknown} [details] Numbers and names behind the sentence, where there are any.
 */

/** An error with a stable `code` to switch on and, where there are any, the `details` behind its sentence. */
export class BitNetError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {{ details?: unknown, cause?: unknown }} [more]
   */
  constructor(code, message, { details, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BitNetError';
    /** Stable; never changes once released. */
    this.code = code;
    /** Numbers and names behind the sentence; `undefined` where there are none. */
    this.details = details;
  }

  /**
   * @param {WireError} error
   * @returns {BitNetError}
   */
  static fromWire({ code, message, details }) {
    return new BitNetError(code, message, { details });
  }
}

/**
 * Any thrown value as a plain object that can be posted.
 * @param {unknown} thrown
 * @returns {WireError}
 */
export function toWire(thrown) {
  if (typeof thrown === 'object' && thrown !== null && 'code' in thrown && typeof thrown.code === 'string') {
    const { code, message, details } = /** @type {WireError} */ (thrown);
    return { code, message: String(message), details };
  }
  const message = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
  return { code: 'internal', message };
}
