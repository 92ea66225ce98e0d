/** Draws wllama beside us. */
import { byId, h } from '../app/dom.js';
import * as format from '../app/format.js';
import { figure as short } from '../app/format.js';
import { t } from '../app/texts.js';
import { range } from './statistics-text.js';

/** @typedef {import('./peer.js').Peer} Peer */

/** @param {Peer} peer */
export function drawPeer(peer) {
  const { failure, isRepacked, ours, theirs, ratios, version, threads, promptTokens, tokens } = peer;
  const table = byId('peer-table');
  const note = byId('peer-note');
  byId('peer-figure').hidden = false;
  if (failure || !ours || !theirs || !ratios) {
    table.replaceChildren();
    note.textContent = t('peer.failed', { reason: failure ?? '' });
    return;
  }
  const speed = (/** @type {import('./statistics.js').Spread} */ value) => h('td', {}, h('b', {}, short(value.median)), h('small', {}, range(value)));
  const ratio = (/** @type {import('./statistics.js').Spread} */ value) =>
    h('td', {}, h('b', {}, t('peer.times', { times: short(value.median) })), h('small', {}, range(value)));
  const rows = /** @type {const} */ (['decode', 'prefill']).map((of) =>
    h('tr', {}, h('th', { scope: 'row' }, t(of === 'decode' ? 'figure.decode' : 'figure.prefillAlone')), speed(ours[of]), speed(theirs[of]), ratio(ratios[of])),
  );
  const load = h('tr', {}, h('th', { scope: 'row' }, t('figure.load')), h('td', {}, format.duration(ours.loadMs)), h('td', {}, format.duration(theirs.loadMs)), h('td', {}));
  table.replaceChildren(
    h('thead', {}, h('tr', {}, h('td', {}), ...['bitnet-web', 'wllama', t('peer.ratio')].map((name) => h('th', { scope: 'col' }, name)))),
    h('tbody', {}, ...rows, load),
  );
  const file = t(isRepacked ? 'peer.repacked' : 'peer.sameFile');
  note.textContent = t('peer.how', { file, version: version ?? '', threads: t('info.threads', { n: threads ?? 1 }), prompt: promptTokens ?? 0, tokens: tokens ?? 0, rounds: ours.decode.repetitions });
}
