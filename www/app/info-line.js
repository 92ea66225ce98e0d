/** The running model, in one line under the message box and as a list in the models sheet. */
import { h } from './dom.js';
import { t } from './texts.js';
import * as format from './format.js';

/**
 * @param {import('./api.js').ModelInfo} info
 * @returns {[label: string, value: string][]}
 */
export function factsOf(info) {
  return [
    [t('facts.architecture'), info.architecture],
    [t('facts.parameters'), format.count(info.parameters)],
    [t('facts.weights'), info.quantization],
    [t('facts.context'), t('stats.tokens', { n: info.contextLength })],
    [t('facts.build'), info.variant],
    [t('facts.kernel'), info.kernel],
    [t('facts.threads'), `${info.threads}, ${t(info.isolated ? 'facts.isolated' : 'facts.notIsolated')}`],
    [t('facts.precision'), t(`settings.${info.precision}`)],
    [t('facts.memory'), format.bytes(info.memoryBytes)],
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
        [format.count(info.parameters), ` ${t('info.parameters')}`],
        [info.quantization],
        [t('info.kernel', { kernel: info.kernel }), t('info.build', { variant: info.variant })],
        [t('info.threads', { n: info.threads })],
        [format.bytes(info.memoryBytes), ` ${t('info.memory')}`],
      ]
    : [[t('facts.here')]];
  // The first fact, the architecture, has room on a wide screen alone.
  const spans = facts.map(([fact, more], i) =>
    h('span', { class: info && i === 0 ? 'fact wide-only' : 'fact' }, fact, more ? h('span', { class: 'wide-only' }, more) : null),
  );
  if (info) {
    spans.push(
      info.isolated
        ? h('span', { class: 'fact wide-only' }, t('facts.isolated'))
        : h(
            'span',
            { class: 'fact warn', title: t('info.headers') },
            t('info.alone'),
          ),
    );
  }
  // The dot stays with the fact before it, so that a line may break after it but never before.
  spans.slice(0, -1).forEach((span, i) => {
    const next = spans[i + 1];
    span.append(next.classList.contains('wide-only') ? h('span', { class: 'wide-only' }, ' ·') : ' ·');
  });
  line.replaceChildren(...spans.flatMap((span) => [span, ' ']));
}
