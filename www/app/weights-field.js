/**
 * A field of −, 0 and + that fills while the model loads: what ternary weights look like. Decoration, but its
 * share of ink is the share of bytes that have arrived.
 */

/** Distance between two signs, CSS pixels. */
const PITCH = 14;

export class WeightsField {
  #fraction = 0;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  /** @param {number} fraction 0 to 1 */
  fill(fraction) {
    if (Math.abs(fraction - this.#fraction) < 0.004 && fraction !== 1 && fraction !== 0) return;
    this.#fraction = fraction;
    this.draw();
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const paint = this.canvas.getContext('2d');
    if (!paint || width === 0) return;
    const scale = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    paint.scale(scale, scale);
    const style = getComputedStyle(this.canvas);
    const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const inks = { plus: color('--accent'), minus: color('--ink'), zero: color('--faint'), absent: color('--line') };

    const columns = Math.floor(width / PITCH);
    const rows = Math.floor(height / PITCH);
    paint.lineWidth = 1.7;
    paint.lineCap = 'round';
    for (let column = 0; column < columns; column++) {
      for (let row = 0; row < rows; row++) {
        const here = noise(column * 31 + row);
        // A ragged edge, three columns deep, between what is there and what is not.
        const arrived = (column + noise(column * 7 + row * 13 + 5) * 3) / (columns + 3) < this.#fraction;
        sign(paint, (column + 0.5) * (width / columns), (row + 0.5) * (height / rows), here, arrived, inks);
      }
    }
  }
}

/**
 * @param {CanvasRenderingContext2D} paint
 * @param {number} x
 * @param {number} y
 * @param {number} value 0 to 1: below 0.32 a plus, below 0.64 a minus, else a zero
 * @param {boolean} arrived
 * @param {Record<'plus' | 'minus' | 'zero' | 'absent', string>} inks
 */
function sign(paint, x, y, value, arrived, inks) {
  const arm = 3.1;
  if (!arrived || value >= 0.64) {
    paint.fillStyle = arrived ? inks.zero : inks.absent;
    paint.beginPath();
    paint.arc(x, y, arrived ? 1.2 : 1, 0, 2 * Math.PI);
    paint.fill();
    return;
  }
  paint.strokeStyle = value < 0.32 ? inks.plus : inks.minus;
  paint.beginPath();
  paint.moveTo(x - arm, y);
  paint.lineTo(x + arm, y);
  if (value < 0.32) {
    paint.moveTo(x, y - arm);
    paint.lineTo(x, y + arm);
  }
  paint.stroke();
}

/**
 * A number for each place that does not change between visits.
 * @param {number} n
 * @returns {number} 0 to 1
 */
function noise(n) {
  let x = (n + 1) * 2654435761;
  x = Math.imul(x ^ (x >>> 15), 2246822519);
  x = Math.imul(x ^ (x >>> 13), 3266489917);
  return ((x ^ (x >>> 16)) >>> 0) / 4294967296;
}
