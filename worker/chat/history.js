// The messages of a conversation: which of them are in the prompt, and how many tokens they have.

/** @import { Message, Usage } from '../protocol.js' */

/** Messages that are never changed: each is replaced as a whole, so that copies share them and their counts. */
export class History {
  /** The system prompt first, if there is one. @type {Message[]} */
  messages;

  /** The first message behind the system prompt that is in the prompt. */
  #first;

  /** Tokens of messages, as answers have counted them. @type {WeakMap<Message, number>} */
  #tokens;

  /** Messages behind the system prompt that are never dropped. */
  kept;

  /**
   * @param {Message[]} messages
   * @param {number} first
   * @param {WeakMap<Message, number>} tokens
   * @param {number} [kept]
   */
  constructor(messages, first, tokens, kept = 0) {
    this.messages = messages;
    this.#first = first;
    this.#tokens = tokens;
    this.kept = kept;
  }

  /**
   * @param {string | undefined} system
   * @param {readonly Message[]} messages
   */
  static of(system, messages) {
    const all = [...(system === undefined ? [] : [{ role: 'system', content: system }]), ...structuredClone(messages)];
    return new History(/** @type {Message[]} */ (all), 0, new WeakMap());
  }

  /**
   * What `toJSON` gave.
   * @param {{ messages: readonly Message[], first: number }} saved
   */
  static from({ messages, first }) {
    return new History(structuredClone(/** @type {Message[]} */ (messages)), first, new WeakMap());
  }

  /** Another one, with the same messages so far. */
  copy() {
    return new History([...this.messages], this.#first, this.#tokens, this.kept);
  }

  toJSON() {
    return { messages: structuredClone(this.messages), first: this.#first };
  }

  /** The number of messages before the first that can be dropped. */
  get #fixed() {
    return Math.min(this.messages.length, this.kept + (this.messages[0]?.role === 'system' ? 1 : 0));
  }

  /** The messages that the model reads. @returns {Message[]} */
  prompt() {
    return [...this.messages.slice(0, this.#fixed), ...this.messages.slice(Math.max(this.#first, this.#fixed))];
  }

  /** @param {...Message} messages */
  push(...messages) {
    this.messages.push(...messages);
  }

  /**
   * @param {number} index
   * @param {Message} message
   */
  replace(index, message) {
    this.messages.splice(index, Infinity, message);
    // What was dropped comes back with a message that was among it.
    if (index < this.#first) this.#first = 0;
  }

  /** Forgets everything behind the user's last message. @returns {boolean} whether there is such a message */
  dropAnswer() {
    const last = this.messages.findLastIndex(({ role }) => role === 'user');
    if (last >= 0) this.messages.splice(last + 1);
    return last >= 0;
  }

  /** Takes the assistant's last message back, which an answer goes on with. @returns {string} its text */
  takeBegun() {
    const last = this.messages.at(-1);
    if (last?.role !== 'assistant' || typeof last.content !== 'string') return '';
    this.messages.pop();
    return last.content;
  }

  /** Where the turns in the prompt begin: each with a message of the user. @returns {number[]} */
  turns() {
    const first = Math.max(this.#first, this.#fixed);
    return this.messages.flatMap(({ role }, index) => (index >= first && role === 'user' ? [index] : []));
  }

  /** Tokens of the oldest turn, as far as they are known. */
  turnTokens() {
    return this.#sum(this.messages.slice(Math.max(this.#first, this.#fixed), this.turns()[1]));
  }

  /** Leaves the oldest turn out of the prompt. @returns {Message[]} its messages */
  dropTurn() {
    const begin = Math.max(this.#first, this.#fixed);
    this.#first = this.turns()[1] ?? begin;
    return this.messages.slice(begin, this.#first);
  }

  /**
   * Takes an answer, and what its usage tells of the messages before it.
   * @param {number} said messages when it began
   * @param {Message} message
   * @param {Usage} usage
   * @returns {Message}
   */
  take(said, message, { promptTokens, completionTokens }) {
    const prompt = this.prompt();
    // The template's own tokens count with the messages behind which they stand.
    const last = prompt.findLast((message) => !this.#tokens.has(message)) ?? prompt.at(-1);
    let rest = promptTokens - this.countedTokens();
    prompt.forEach((other) => this.#tokens.set(other, (this.#tokens.get(other) ?? 0) + (other === last ? Math.max(0, rest) : 0)));
    // An answer may be read back in fewer tokens than it was written in.
    for (const other of prompt) {
      const count = this.#tokens.get(other) ?? 0;
      const less = Math.min(count, Math.max(0, -rest));
      this.#tokens.set(other, count - less);
      rest += less;
    }
    this.messages.splice(said, Infinity, message);
    this.#tokens.set(message, completionTokens);
    return message;
  }

  /** Tokens of the messages in the prompt, as far as they are known. */
  countedTokens() {
    return this.#sum(this.prompt());
  }

  /** @param {Message[]} messages */
  #sum(messages) {
    return messages.reduce((sum, message) => sum + (this.#tokens.get(message) ?? 0), 0);
  }
}
