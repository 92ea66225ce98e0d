// The options of ready-made guards. A name that is not known is an error: a limit that was misspelt would hold nobody back.
import { BitNetError, invalidOption } from '../error.js';

/**
 * @param {string} guard that is made
 * @param {unknown} options
 * @param {Record<string, 'flag' | 'text' | 'any'>} known what the options are, beside `name`
 */
export function checkGuardOptions(guard, options, known) {
  if (typeof options !== 'object' || options === null || Symbol.iterator in options) throw invalidOption(guard, 'an object of options', options);
  for (const [option, value] of Object.entries(options)) {
    const kind = option === 'name' ? 'text' : Object.hasOwn(known, option) ? known[option] : undefined;
    if (kind === undefined) {
      const expected = `one of the options ${[...Object.keys(known), 'name'].join(', ')}`;
      throw new BitNetError('invalid_argument', `${guard} has no option '${option}': expected ${expected}.`, { details: { option, expected } });
    }
    if (value === undefined || kind === 'any') continue;
    if (kind === 'flag' && typeof value !== 'boolean') throw invalidOption(option, 'true or false', value);
    if (kind === 'text' && (typeof value !== 'string' || (option === 'name' && value === ''))) throw invalidOption(option, 'a string', value);
  }
}
