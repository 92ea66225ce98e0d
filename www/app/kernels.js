/** The choice of a kernel in forms: which there are is the library's to say. */
import { h } from './dom.js';
import { has, t } from './texts.js';

/**
 * Fills a form's field with `auto` and every kernel, likely the fastest first.
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} kernels the reference first
 */
export function fillKernels(select, kernels) {
  const options = [...kernels].reverse().map((name) => h('option', { value: name }, has(`kernel.${name}`) ? t(`kernel.${name}`) : name));
  select.replaceChildren(h('option', { value: 'auto' }, t('settings.automaticChoice')), ...options);
}
