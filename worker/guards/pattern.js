// Patterns that are searched for in one pass over a text, whatever the pattern and the text are. JavaScript's own engine tries one
// way after the other, and on some texts, such as a row of 30 letters for (a+)+b, that takes for ever. Here all ways are followed
// at once (R. Pike's machine: https://swtch.com/~rsc/regexp/regexp2.html), so that a character costs at most as many steps as the
// pattern has parts. It also knows at the end of a piece whether a match could go on in the next one. What cannot be done
// so is refused: backreferences, and looking ahead or behind.
import { BitNetError } from '../error.js';

/**
 * @typedef {{ op: 'char', test: (char: string) => boolean }
 *   | { op: 'split', first: number, second: number }
 *   | { op: 'jump', to: number }
 *   | { op: 'assert', kind: 'start' | 'end' | 'boundary' | 'inside' }
 *   | { op: 'match', index: number }} Instruction
 */

/** @typedef {{ ignoreCase: boolean, multiline: boolean, dotAll: boolean }} Flags */

/**
 * A part of a pattern.
 * @typedef {{ type: 'char', test: (char: string) => boolean }
 *   | { type: 'assert', kind: 'start' | 'end' | 'boundary' | 'inside' }
 *   | { type: 'concat', parts: Node[] }
 *   | { type: 'either', parts: Node[] }
 *   | { type: 'repeat', part: Node, least: number, most: number, lazy: boolean }} Node
 */

/** A match: from one index of the text to another, of which pattern. @typedef {{ start: number, end: number, index: number }} Match */

/** Instructions of all patterns together. */
const MOST_INSTRUCTIONS = 4096;

/** How deep groups may be nested. */
const MOST_DEPTH = 100;

const WORD = /^\w$/;

/** Several patterns, of which an earlier one wins at the same place. */
export class Patterns {
  /** @type {Instruction[]} */
  #program = [];
  #multiline = false;

  /**
   * @param {readonly (string | RegExp)[]} patterns a string stands for itself
   * @throws {BitNetError} `invalid_argument`
   */
  constructor(patterns) {
    const nodes = patterns.map((pattern) => (typeof pattern === 'string' ? literal(pattern) : parse(pattern)));
    this.#multiline = patterns.some((pattern) => pattern instanceof RegExp && pattern.multiline);
    nodes.forEach((node, index) => {
      const isLast = index === nodes.length - 1;
      const split = isLast ? undefined : this.#emit({ op: 'split', first: this.#program.length + 1, second: 0 });
      this.#compile(node);
      this.#emit({ op: 'match', index });
      if (split !== undefined) /** @type {any} */ (this.#program[split]).second = this.#program.length;
    });
  }

  /**
   * The matches of a text from left to right, and where what is not decided yet begins.
   * @param {string} text
   * @param {boolean} isEnd nothing follows
   * @param {string} before the character before the text, empty where there is none
   * @returns {{ matches: Match[], end: number }} `end`: an index of the text, at which the rest that may be a part of a match begins
   */
  matches(text, isEnd, before) {
    const chars = Array.from(text);
    /** Where each character begins in the text, and where the last one ends. @type {number[]} */
    const offsets = [0];
    for (const char of chars) offsets.push(/** @type {number} */ (offsets.at(-1)) + char.length);
    /** @type {Match[]} */
    const matches = [];
    for (let from = 0; from <= chars.length; ) {
      const found = this.#search(chars, from, isEnd, before);
      if (found.pending !== undefined) return { matches, end: offsets[found.pending] };
      if (found.match === undefined) break;
      const { start, end, index } = found.match;
      matches.push({ start: offsets[start], end: offsets[end], index });
      from = end;
    }
    return { matches, end: text.length };
  }

  /**
   * The leftmost match that is not empty; or where one begins of which the text does not tell whether it is one, and how long.
   * @param {string[]} chars
   * @param {number} from
   * @param {boolean} isEnd
   * @param {string} before
   * @returns {{ match?: { start: number, end: number, index: number }, pending?: number }}
   */
  #search(chars, from, isEnd, before) {
    /** Threads in the order of their priority: an instruction, and where the match began. @type {[number, number][]} */
    let threads = [];
    /** @type {{ start: number, end: number, index: number } | undefined} */
    let match;
    for (let at = from; ; at++) {
      const isOpen = at === chars.length && !isEnd;
      if (match === undefined && at < chars.length) threads.push([0, at]);
      const { states, pending, matched } = this.#close(threads, chars, at, isOpen, before);
      if (matched !== undefined) match = matched;
      if (isOpen) return pending === undefined ? { match } : { pending: Math.min(pending, match?.start ?? pending) };
      if (at === chars.length || (states.length === 0 && match !== undefined)) return { match };
      threads = states.flatMap(([pc, start]) => (/** @type {any} */ (this.#program[pc]).test(chars[at]) ? [[pc + 1, start]] : []));
    }
  }

  /**
   * Follows threads to the characters that they wait for, up to the first that matches: those behind it have lost.
   * @param {[number, number][]} threads
   * @param {string[]} chars
   * @param {number} at
   * @param {boolean} isOpen the next character is not known
   * @param {string} before
   */
  #close(threads, chars, at, isOpen, before) {
    const seen = new Uint8Array(this.#program.length);
    /** @type {[number, number][]} */
    const states = [];
    /** @type {number | undefined} */
    let pending;
    for (const [first, start] of threads) {
      const stack = [first];
      for (let pc = stack.pop(); pc !== undefined; pc = stack.pop()) {
        if (seen[pc]) continue;
        seen[pc] = 1;
        const step = this.#program[pc];
        if (step.op === 'split') stack.push(step.second, step.first);
        else if (step.op === 'jump') stack.push(step.to);
        else if (step.op === 'match') {
          if (at > start) return { states, pending, matched: { start, end: at, index: step.index } };
        } else if (step.op === 'char') {
          states.push([pc, start]);
          if (isOpen) pending = Math.min(pending ?? start, start);
        } else if (isOpen && step.kind !== 'start') pending = Math.min(pending ?? start, start);
        else if (this.#holds(step.kind, at === 0 ? before : chars[at - 1], chars[at] ?? '')) stack.push(pc + 1);
      }
    }
    return { states, pending, matched: undefined };
  }

  /**
   * @param {'start' | 'end' | 'boundary' | 'inside'} kind
   * @param {string} left the character before, empty where there is none
   * @param {string} right
   */
  #holds(kind, left, right) {
    const isBreak = (/** @type {string} */ char) => char === '' || (this.#multiline && /^[\n\r\u2028\u2029]$/.test(char));
    if (kind === 'start') return isBreak(left);
    if (kind === 'end') return isBreak(right);
    return (WORD.test(left) !== WORD.test(right)) === (kind === 'boundary');
  }

  /** @param {Instruction} instruction @returns {number} its place */
  #emit(instruction) {
    if (this.#program.length >= MOST_INSTRUCTIONS) throw invalid('patterns', `together they have more than ${MOST_INSTRUCTIONS} parts: repeat less of them`);
    return this.#program.push(instruction) - 1;
  }

  /** @param {Node} node */
  #compile(node) {
    switch (node.type) {
      case 'char':
        return void this.#emit({ op: 'char', test: node.test });
      case 'assert':
        return void this.#emit({ op: 'assert', kind: node.kind });
      case 'concat':
        return node.parts.forEach((part) => this.#compile(part));
      case 'either':
        return this.#either(node.parts);
      case 'repeat':
        return this.#repeat(node);
    }
  }

  /** @param {Node[]} parts */
  #either(parts) {
    const ends = parts.map((part, index) => {
      const isLast = index === parts.length - 1;
      const split = isLast ? undefined : this.#emit({ op: 'split', first: this.#program.length + 1, second: 0 });
      this.#compile(part);
      const end = isLast ? undefined : this.#emit({ op: 'jump', to: 0 });
      if (split !== undefined) /** @type {any} */ (this.#program[split]).second = this.#program.length;
      return end;
    });
    for (const end of ends) if (end !== undefined) /** @type {any} */ (this.#program[end]).to = this.#program.length;
  }

  /** @param {Extract<Node, { type: 'repeat' }>} node */
  #repeat({ part, least, most, lazy }) {
    for (let i = 0; i < least; i++) this.#compile(part);
    const option = () => {
      const split = this.#emit({ op: 'split', first: 0, second: 0 });
      return (/** @type {number} */ inside, /** @type {number} */ behind) => {
        Object.assign(this.#program[split], lazy ? { first: behind, second: inside } : { first: inside, second: behind });
      };
    };
    if (most === Infinity) {
      const begin = this.#program.length;
      const set = option();
      this.#compile(part);
      this.#emit({ op: 'jump', to: begin });
      return set(begin + 1, this.#program.length);
    }
    const options = [];
    for (let i = least; i < most; i++) {
      const set = option();
      const inside = this.#program.length;
      this.#compile(part);
      options.push([set, inside]);
    }
    for (const [set, inside] of options) /** @type {any} */ (set)(inside, this.#program.length);
  }
}

/** @param {string} text @returns {Node} */
function literal(text) {
  if (text === '') throw invalid('pattern', 'expected a text that is not empty, or an expression');
  return { type: 'concat', parts: Array.from(text, (char) => ({ type: 'char', test: (/** @type {string} */ other) => other === char })) };
}

/**
 * @param {string} where
 * @param {string} what
 */
function invalid(where, what) {
  return new BitNetError('invalid_argument', `${where}: ${what}.`, { details: { option: 'patterns' } });
}

/** @param {RegExp} pattern @returns {Node} */
function parse(pattern) {
  const { source, ignoreCase, multiline, dotAll, flags } = pattern;
  if (/[vy]/.test(flags)) throw invalid(String(pattern), 'the flags v and y are not supported');
  return new Parser(source, String(pattern), { ignoreCase, multiline, dotAll }).parse();
}

/** Reads the source of an expression, which JavaScript has accepted. */
class Parser {
  #chars;
  #at = 0;
  #depth = 0;
  #whole;
  /** @type {Flags} */
  #flags;

  /** @param {string} source @param {string} whole the expression for errors @param {Flags} flags */
  constructor(source, whole, flags) {
    this.#chars = Array.from(source);
    this.#whole = whole;
    this.#flags = flags;
  }

  /** @returns {Node} */
  parse() {
    const node = this.#either();
    if (this.#at < this.#chars.length) throw this.#invalid(`'${this.#chars[this.#at]}' is not expected`);
    return node;
  }

  /** @param {string} what */
  #invalid(what) {
    return invalid(this.#whole, what);
  }

  /** @param {string} char */
  #takes(char) {
    if (this.#chars[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }

  /** @returns {Node} */
  #either() {
    if (++this.#depth > MOST_DEPTH) throw this.#invalid(`groups are nested more than ${MOST_DEPTH} deep`);
    const parts = [this.#concat()];
    while (this.#takes('|')) parts.push(this.#concat());
    this.#depth -= 1;
    return parts.length === 1 ? parts[0] : { type: 'either', parts };
  }

  /** @returns {Node} */
  #concat() {
    /** @type {Node[]} */
    const parts = [];
    while (this.#at < this.#chars.length && !['|', ')'].includes(this.#chars[this.#at])) parts.push(this.#quantified());
    return { type: 'concat', parts };
  }

  /** @returns {Node} */
  #quantified() {
    const part = this.#atom();
    const range = this.#range();
    if (range === undefined) return part;
    if (part.type === 'assert') throw this.#invalid('an assertion is repeated');
    const [least, most] = range;
    return { type: 'repeat', part, least, most, lazy: this.#takes('?') };
  }

  /** @returns {[least: number, most: number] | undefined} */
  #range() {
    if (this.#takes('*')) return [0, Infinity];
    if (this.#takes('+')) return [1, Infinity];
    if (this.#takes('?')) return [0, 1];
    const [all, least, comma, most] = /^\{(\d+)(,?)(\d*)\}/.exec(this.#chars.slice(this.#at, this.#at + 24).join('')) ?? [];
    if (all === undefined) return undefined;
    this.#at += all.length;
    return [Number(least), comma === '' ? Number(least) : most === '' ? Infinity : Number(most)];
  }

  /** @returns {Node} */
  #atom() {
    const char = this.#chars[this.#at++];
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '.':
        return this.#one('.');
      case '^':
        return { type: 'assert', kind: 'start' };
      case '$':
        return { type: 'assert', kind: 'end' };
      case '\\':
        return this.#escape();
      default:
        return this.#one(char.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&'));
    }
  }

  /** @returns {Node} */
  #group() {
    if (this.#takes('?')) {
      const head = this.#chars.slice(this.#at, this.#at + 2).join('');
      if (/^[=!]|^<[=!]/.test(head)) throw this.#invalid('it looks ahead or behind, which is not supported');
      if (this.#takes('<')) while (this.#chars[this.#at++] !== '>');
      else if (!this.#takes(':')) throw this.#invalid('a group changes flags, which is not supported');
    }
    const node = this.#either();
    if (!this.#takes(')')) throw this.#invalid('a group is not closed');
    return node;
  }

  /** @returns {Node} */
  #class() {
    const begin = this.#at - 1;
    while (this.#chars[this.#at] !== ']') this.#at += this.#chars[this.#at] === '\\' ? 2 : 1;
    this.#at += 1;
    return this.#one(this.#chars.slice(begin, this.#at).join(''));
  }

  /** @returns {Node} */
  #escape() {
    const rest = this.#chars.slice(this.#at, this.#at + 80).join('');
    if (/^[bB]/.test(rest)) {
      this.#at += 1;
      return { type: 'assert', kind: rest[0] === 'b' ? 'boundary' : 'inside' };
    }
    if (/^([1-9]|k)/.test(rest)) throw this.#invalid('it refers back to a group, which is not supported');
    const [escaped] = /^(u\{[0-9a-fA-F]+\}|u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|[^])/u.exec(rest) ?? [''];
    this.#at += Array.from(escaped).length;
    return this.#one(`\\${escaped}`);
  }

  /**
   * One character, as JavaScript's own engine knows it: a single one takes no time.
   * @param {string} source
   * @returns {Node}
   */
  #one(source) {
    const { ignoreCase, dotAll } = this.#flags;
    const flags = `${ignoreCase ? 'i' : ''}${dotAll ? 's' : ''}`;
    /** @type {RegExp} */
    let native;
    try {
      native = new RegExp(`^(?:${source})$`, `${flags}u`);
    } catch {
      try {
        native = new RegExp(`^(?:${source})$`, flags); // without the flag u more escapes are allowed
      } catch (cause) {
        throw this.#invalid(`'${source}' cannot be read (${cause})`);
      }
    }
    return { type: 'char', test: (char) => native.test(char) };
  }
}
