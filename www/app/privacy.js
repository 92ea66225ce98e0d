/**
 * What this page has sent since the model was loaded, as the browser itself has noted it, and the sealed page. Workers keep their
 * own notes: the engine's are asked for nothing but model files, which the page's policy cannot tell from other addresses. The sealed
 * page can: there nothing but this origin can be asked, by the page and by its workers.
 */
import { byId, h } from './dom.js';
import { t } from './texts.js';

/** Whether the document's own policy allows no connection elsewhere. */
export const isSealed = document.querySelector('meta[http-equiv="Content-Security-Policy"]')?.getAttribute('content')?.includes("connect-src 'self' blob:;") ?? false;

export class Privacy {
  #since = Infinity;
  /** @type {PerformanceResourceTiming[]} */
  #seen = [];
  #chip = byId('privacy-chip');
  #list = byId('privacy-list');

  constructor() {
    if ('PerformanceObserver' in self)
      new PerformanceObserver((list) => {
        this.#seen.push(.../** @type {PerformanceResourceTiming[]} */ (list.getEntries()));
        this.draw();
      }).observe({ type: 'resource', buffered: true });
    const seal = byId('seal', HTMLButtonElement);
    seal.hidden = isSealed;
    byId('unseal').hidden = !isSealed;
    seal.addEventListener('click', () => this.#go('./sealed.html'));
    byId('unseal').addEventListener('click', () => this.#go('./'));
    byId('seal-note').textContent = t(isSealed ? 'privacy.sealed' : 'privacy.seal');
    if (isSealed) void this.#check();
    this.draw();
  }

  /** Counts from now on: the model is here. */
  begin() {
    this.#since = performance.now();
    this.draw();
  }

  draw() {
    const entries = this.#seen.filter(({ startTime }) => startTime >= this.#since);
    const elsewhere = entries.filter(({ name }) => URL.canParse(name) && new URL(name).origin !== location.origin && !name.startsWith('blob:'));
    // A request can carry text in its address; files of this page are asked for by name.
    const bytes = elsewhere.reduce((sum, { name }) => sum + name.length, 0);
    this.#chip.textContent = t(isSealed ? 'privacy.chipSealed' : bytes > 0 ? 'privacy.chipSome' : 'privacy.chip', { bytes });
    this.#list.replaceChildren(
      h('li', {}, t('privacy.own', { n: entries.length - elsewhere.length })),
      h('li', {}, elsewhere.length ? t('privacy.elsewhere', { n: elsewhere.length, bytes }) : t('privacy.nowhere')),
      ...elsewhere.map(({ name }) => h('li', { class: 'help' }, name)),
    );
  }

  /** @param {string} page of this site, with the same conversation */
  #go(page) {
    const address = new URL(page, document.baseURI);
    address.search = location.search;
    address.hash = location.hash;
    location.assign(address);
  }

  /** Tries what the seal forbids, in the page and in a worker, and says what came of it. */
  async #check() {
    const inPage = fetch('https://bitnet-web.invalid/').then(() => false, () => true);
    const inWorker = new Promise((resolve) => {
      const worker = new Worker('./sealed/check.js', { type: 'module' });
      worker.onmessage = ({ data }) => {
        worker.terminate();
        resolve(data === true);
      };
      worker.onerror = () => resolve(false);
    });
    const [page, worker] = await Promise.all([inPage, inWorker]);
    const holds = page && worker;
    byId('seal-check').textContent = t(holds ? 'privacy.holds' : 'privacy.broken');
    document.body.dataset.seal = holds ? 'holds' : 'broken';
  }
}
