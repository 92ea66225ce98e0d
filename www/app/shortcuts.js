/** Keys that work everywhere on the page. The list of them is the dialog `shortcuts` of the page. */

/**
 * @param {Record<'help' | 'search' | 'fresh' | 'models' | 'settings' | 'write', () => void>} actions
 */
export function listenForShortcuts(actions) {
  // The key that Apple's keyboards have in the place of Ctrl.
  if (/^(Mac|iP)/.test(navigator.platform))
    for (const key of document.querySelectorAll('[data-t="key.control"]')) key.textContent = '⌘';
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || document.querySelector('dialog[open]')) return;
    const typing = event.target instanceof Element && event.target.closest('input, textarea, select, [contenteditable]');
    const command = event.ctrlKey || event.metaKey;
    const key = event.key.toLowerCase();
    const run = command && !event.altKey
      ? { k: actions.search, ',': actions.settings, o: event.shiftKey ? actions.fresh : undefined, m: event.shiftKey ? actions.models : undefined }[key]
      : typing || event.altKey ? undefined : { '?': actions.help, '/': actions.write }[key];
    if (!run) return;
    event.preventDefault();
    run();
  });
}
