/**
 * A conversation as plain data: turns that know the turn before them. Editing a question or asking again adds a sibling, so
 * nothing that was said is lost; `chosen` says which of several is read.
 */

/**
 * @typedef {object} Turn
 * @property {string} id
 * @property {string} conversation its id
 * @property {string | null} parent the turn before it
 * @property {'user' | 'assistant'} role
 * @property {string} content
 * @property {'done' | 'waiting' | 'streaming' | 'stopped' | 'failed'} state of an answer; a user's turn is always done
 * @property {number} created milliseconds since 1970
 * @property {import('./answer.js').AnswerStats | null} stats
 * @property {boolean} byDemo whether the bundled demo model wrote it
 * @property {string} model the name of the one that wrote it
 * @property {{ code: string, message: string } | null} error what ended the answer
 */

/**
 * What is kept of a conversation beside its turns.
 * @typedef {object} Head
 * @property {string} id
 * @property {string} title
 * @property {boolean} named whether a person gave the title
 * @property {number} created milliseconds since 1970
 * @property {number} updated milliseconds since 1970
 * @property {string} system what the model is told before everything else; empty: nothing
 * @property {Record<string, string>} chosen the child that is read, by parent ('' for the first turns)
 */

/** Characters of a title that is made of a message, and of one that a person gives. */
const TITLE_LENGTH = 60;
export const MOST_TITLE = 200;

export class Conversation {
  /** @type {Map<string, Turn>} */
  turns = new Map();

  /**
   * @param {Head} head
   * @param {boolean} isTemporary never stored
   */
  constructor(head, isTemporary = false) {
    this.head = head;
    this.isTemporary = isTemporary;
  }

  /** An empty one. */
  static create(isTemporary = false) {
    const now = Date.now();
    return new Conversation(
      { id: crypto.randomUUID(), title: '', named: false, created: now, updated: now, system: '', chosen: {} },
      isTemporary,
    );
  }

  /**
   * Adds a turn behind `parent`, and reads it from now on.
   * @param {Pick<Turn, 'role' | 'content' | 'state'>} what
   * @param {Turn | null} parent
   * @returns {Turn}
   */
  add(what, parent) {
    /** @type {Turn} */
    const turn = {
      id: crypto.randomUUID(),
      conversation: this.head.id,
      parent: parent?.id ?? null,
      created: Date.now(),
      stats: null,
      byDemo: false,
      model: '',
      error: null,
      ...what,
    };
    this.turns.set(turn.id, turn);
    this.choose(turn);
    if (turn.role === 'user' && !this.head.title) this.head.title = titleOf(turn.content);
    return turn;
  }

  /** @param {Turn} turn that is read in place of its siblings */
  choose(turn) {
    this.head.chosen = { ...this.head.chosen, [turn.parent ?? '']: turn.id };
  }

  /** @param {Turn} turn */
  remove(turn) {
    this.turns.delete(turn.id);
  }

  /**
   * The turns after the same turn, this one included, the oldest first.
   * @param {Turn} turn
   * @returns {Turn[]}
   */
  siblings(turn) {
    return this.#children(turn.parent);
  }

  /** The turns as they are read, from the first to the last. @returns {Turn[]} */
  path() {
    /** @type {Turn[]} */
    const path = [];
    for (let parent = /** @type {string | null} */ (null); ; ) {
      const children = this.#children(parent);
      const next = children.find(({ id }) => id === this.head.chosen[parent ?? '']) ?? children.at(-1);
      if (!next || path.includes(next)) return path;
      path.push(next);
      parent = next.id;
    }
  }

  /** @param {string | null} parent @returns {Turn[]} */
  #children(parent) {
    const follows = (/** @type {Turn} */ turn) =>
      // A turn whose parent is lost is better read first than never.
      turn.parent === parent || (parent === null && turn.parent !== null && !this.turns.has(turn.parent));
    return [...this.turns.values()].filter(follows).sort((a, b) => a.created - b.created);
  }
}

/** @param {string} text */
function titleOf(text) {
  const line = text.trim().replace(/\s+/g, ' ');
  return line.length > TITLE_LENGTH ? `${line.slice(0, TITLE_LENGTH).trimEnd()}…` : line;
}

/**
 * The turns that the model is given: every question with its answer, partial answers included, and the last question.
 * A question that got no word of answer is left out, because chat templates expect the roles to alternate.
 * @param {readonly Turn[]} turns
 * @returns {Turn[]}
 */
export function spokenTurns(turns) {
  const spoken = turns.filter((turn) => turn.content !== '');
  return spoken.filter(
    (turn, i) => turn.role === 'assistant' || i === spoken.length - 1 || spoken[i + 1].role === 'assistant',
  );
}

/**
 * @param {readonly Turn[]} turns
 * @param {string} system
 * @returns {import('./api.js').Message[]}
 */
export function messagesOf(turns, system = '') {
  const said = turns.map(({ role, content }) => ({ role, content }));
  return system ? [{ role: 'system', content: system }, ...said] : said;
}
