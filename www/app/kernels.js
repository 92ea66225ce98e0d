/** The choice of a kernel in forms: which there are is the library's to say. */
import { h } from './dom.js';
import { t } from './texts.js';

/** A kernel's name for visitors; one that is new to this page goes by its own name. @type {Record<string, string>} */
const TITLES = {
  relaxed16: 'Relaxed SIMD, 16-bit sums',
  relaxed: 'Relaxed SIMD, 32-bit sums',
  lut: 'SIMD lookup table',
  mad: 'SIMD multiply-add',
  scalar: 'Scalar (slow)',
};

/**
 * Fills a form's field with `auto` and every kernel, likely the fastest first.
 * @param {HTMLSelectElement} select
 * @param {readonly string[]} kernels the reference first
 */
export function fillKernels(select, kernels) {
  const options = [...kernels].reverse().map((name) => h('option', { value: name }, TITLES[name] ?? name));
  select.replaceChildren(h('option', { value: 'auto' }, t('settings.automaticChoice')), ...options);
}
