/** The result as an image, to be shared where a link cannot be. */

/** @typedef {{ title: string, sentence: string, figures: readonly (readonly [name: string, value: string])[], foot: string }} Content */

const WIDTH = 1200;
const HEIGHT = 630;
const MARGIN = 64;

/**
 * @param {Content} content
 * @returns {Promise<Blob>} a PNG
 */
export function pictureOf({ title, sentence, figures, foot }) {
  const canvas = document.createElement('canvas');
  canvas.width = WIDTH;
  canvas.height = HEIGHT;
  const paint = canvas.getContext('2d');
  if (!paint) return Promise.reject(new Error('This browser draws no pictures.'));
  const style = getComputedStyle(document.documentElement);
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  const font = (/** @type {string} */ size) => `${size} system-ui, sans-serif`;
  paint.fillStyle = colour('--paper');
  paint.fillRect(0, 0, WIDTH, HEIGHT);
  paint.fillStyle = colour('--accent');
  paint.fillRect(0, 0, WIDTH, 10);
  paint.fillStyle = colour('--soft');
  paint.font = font('600 26px');
  paint.fillText(title, MARGIN, 84, WIDTH - 2 * MARGIN);
  paint.fillStyle = colour('--ink');
  paint.font = font('600 34px');
  let y = 146;
  for (const line of lines(paint, sentence, WIDTH - 2 * MARGIN).slice(0, 4)) {
    paint.fillText(line, MARGIN, y);
    y += 46;
  }
  const perRow = 4;
  const column = (WIDTH - 2 * MARGIN) / perRow;
  figures.slice(0, 2 * perRow).forEach(([name, value], i) => {
    const x = MARGIN + (i % perRow) * column;
    const top = 370 + Math.floor(i / perRow) * 104;
    paint.fillStyle = colour('--soft');
    paint.font = font('400 20px');
    paint.fillText(name, x, top, column - 16);
    paint.fillStyle = colour('--ink');
    paint.font = font('650 38px');
    paint.fillText(value, x, top + 44, column - 16);
  });
  paint.fillStyle = colour('--soft');
  paint.font = font('400 18px');
  paint.fillText(foot, MARGIN, HEIGHT - 32, WIDTH - 2 * MARGIN);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('This browser made no picture.'))), 'image/png');
  });
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {string} text
 * @param {number} width
 */
function lines(paint, text, width) {
  /** @type {string[]} */
  const found = [];
  for (const word of text.split(' ')) {
    const longer = found.length ? `${found[found.length - 1]} ${word}` : word;
    if (found.length && paint.measureText(longer).width <= width) found[found.length - 1] = longer;
    else found.push(word);
  }
  return found;
}
