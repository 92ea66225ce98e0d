/** The running model, in one line under the message box and as a list in the models sheet. */
import { h } from './dom.js';
import * as format from './format.js';

/**
 * @param {import('./api.js').ModelInfo} info
 * @returns {[label: string, value: string][]}
 */
export function factsOf(info) {
  return [
    ['Architecture', info.architecture],
    ['Parameters', format.count(info.parameters)],
    ['Weights', info.quantization],
    ['Context', format.plural(info.contextLength, 'token')],
    ['Build', info.variant],
    ['Kernel', info.kernel],
    ['Threads', `${info.threads}, ${info.isolated ? 'isolated' : 'not isolated'}`],
    ['Precision', info.precision],
    ['Memory', format.bytes(info.memoryBytes)],
  ];
}

/**
 * @param {HTMLElement} line
 * @param {import('./api.js').ModelInfo | null} info
 */
export function drawInfo(line, info) {
  // The second part of a fact explains the first where the screen has room for it.
  const facts = info
    ? [
        [info.architecture],
        [format.count(info.parameters), ' parameters'],
        [info.quantization],
        [`${info.kernel} kernel`, `, ${info.variant} build`],
        [format.plural(info.threads, 'thread')],
        [format.bytes(info.memoryBytes), ' of memory'],
      ]
    : [['Everything runs in this tab']];
  const spans = facts.map(([fact, more]) =>
    h('span', { class: 'fact' }, fact, more ? h('span', { class: 'wide-only' }, more) : null),
  );
  if (info) {
    spans.push(
      info.isolated
        ? h('span', { class: 'fact' }, 'isolated')
        : h(
            'span',
            { class: 'fact warn', title: 'This host does not send the headers that shared memory needs.' },
            'not isolated: one thread only',
          ),
    );
  }
  // The dot stays with the fact before it, so that a line may break after it but never before.
  spans.slice(0, -1).forEach((span) => span.append(' ·'));
  line.replaceChildren(...spans.flatMap((span) => [span, ' ']));
}
