/** A dialog at the side: opened by a button, closed by a button, Escape, Back or a click beside it. */
import { byId } from './dom.js';
import { openDialog } from './place.js';

/**
 * @param {string} id of the dialog
 * @param {string | null} opener id of the button, where there is one
 * @param {() => void} onOpen
 * @returns {{ open: () => void, show: () => void, close: () => void }} `show` opens it as it is, without `onOpen`
 */
export function sheet(id, opener, onOpen) {
  const dialog = byId(id, HTMLDialogElement);
  const show = () => openDialog(dialog);
  const open = () => {
    onOpen();
    show();
  };
  const close = () => dialog.close();
  if (opener !== null) byId(opener).addEventListener('click', open);
  dialog.querySelector('[data-close]')?.addEventListener('click', close);
  dialog.addEventListener('click', (event) => {
    if (event.target === dialog) close();
  });
  return { open, show, close };
}
