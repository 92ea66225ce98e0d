/** A dialog at the side: opened by a button, closed by a button, Escape, Back or a click beside it. */
import { byId } from './dom.js';
import { openDialog } from './place.js';

/**
 * @param {string} id of the dialog
 * @param {string} opener id of the button
 * @param {() => void} onOpen
 * @returns {{ open: () => void, close: () => void }}
 */
export function sheet(id, opener, onOpen) {
  const dialog = byId(id, HTMLDialogElement);
  const open = () => {
    onOpen();
    openDialog(dialog);
  };
  const close = () => dialog.close();
  byId(opener).addEventListener('click', open);
  dialog.querySelector('[data-close]')?.addEventListener('click', close);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close();
  });
  return { open, close };
}
