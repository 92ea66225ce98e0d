/** A button that copies a text, and says so on itself. */
import { button } from './dom.js';
import { t } from './texts.js';

/** How long the button says what has happened, milliseconds. */
const SAID = 1600;

/**
 * @param {() => string} content asked for at the click
 * @param {string} [label]
 */
export function copyButton(content, label = t('copy')) {
  const copy = button(
    label,
    async () => {
      try {
        await navigator.clipboard.writeText(content());
        copy.textContent = t('copy.done');
      } catch {
        copy.textContent = t('copy.refused');
      }
      setTimeout(() => (copy.textContent = label), SAID);
    },
    'quiet small',
  );
  return copy;
}
