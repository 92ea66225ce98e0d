/** A file dropped anywhere on the page, or chosen. */
import { byId } from './dom.js';

/** @param {{ onFile: (file: File) => void, onOther: () => void }} listeners `onOther`: told of a folder, or of several files */
export function acceptFiles({ onFile, onOther }) {
  const veil = byId('drop');
  const input = byId('file', HTMLInputElement);
  let depth = 0;
  const carriesFile = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes('Files') ?? false;
  const show = (/** @type {boolean} */ shown) => {
    if (!shown) depth = 0;
    veil.hidden = !shown;
  };

  document.addEventListener('dragenter', (event) => {
    if (!carriesFile(event)) return;
    depth += 1;
    show(true);
  });
  document.addEventListener('dragleave', (event) => {
    if (!carriesFile(event)) return;
    depth -= 1;
    if (depth <= 0) show(false);
  });
  document.addEventListener('dragover', (event) => {
    if (!carriesFile(event) || !event.dataTransfer) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = 'copy';
  });
  document.addEventListener('drop', (event) => {
    if (!carriesFile(event)) return;
    event.preventDefault();
    show(false);
    const { files, items } = /** @type {DataTransfer} */ (event.dataTransfer);
    if (files.length > 1 || items[0]?.webkitGetAsEntry()?.isDirectory) onOther();
    else if (files[0]) onFile(files[0]);
  });
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    // A person may choose one file twice in a row.
    input.value = '';
    if (file) onFile(file);
  });
}
