// The command line of the benchmark.
import { basename } from 'node:path';
import { parseArgs } from 'node:util';

export const USAGE = `node benches/browser.mjs MODEL.gguf [OPTIONS]      (cargo xtask bench [--shape SHAPE] [OPTIONS])

  --threads 1,2        thread counts
  --kernels auto       kernels, e.g. auto,relaxed16,relaxed,lut,mad,scalar
  --prompts 16,128,512 lengths whose reading is timed, tokens
  --contexts 0,1024,4000
                       depths at which decoding is timed: contexts of made-up tokens
  --tokens 32          to write at each
  --rounds 3           interleaved over everything that is compared; 0: only loads and other browsers
  --loads 1            loads over the network and from storage, timed apart; 0: none
  --precision fast     or exact
  --peers TYPE=FILE,.. files for wllama, one for each type
  --peer-prompts 16,128
  --peer-tokens 8
  --peer-rounds 1
  --engines firefox,webkit
                       kernels, and decoding, in these browsers too, where they are installed; none: only Chromium
  --json OUT.json      every single number
  --history FILE       adds the run to a history, and says what has changed since the last one of this machine
`;

/** @param {string} list */
const words = (list) => list.split(',').filter((word) => word !== '');
/** @param {string} list */
const numbers = (list) => words(list).map(Number);

/** @param {string[]} args */
export function readOptions(args) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      threads: { type: 'string', default: '1,2' },
      kernels: { type: 'string', default: 'auto' },
      prompts: { type: 'string', default: '16,128,512' },
      contexts: { type: 'string', default: '0,1024,4000' },
      tokens: { type: 'string', default: '32' },
      rounds: { type: 'string', default: '3' },
      loads: { type: 'string', default: '1' },
      precision: { type: 'string', default: 'fast' },
      peers: { type: 'string', default: '' },
      'peer-prompts': { type: 'string', default: '16,128' },
      'peer-tokens': { type: 'string', default: '8' },
      'peer-rounds': { type: 'string', default: '1' },
      engines: { type: 'string', default: 'firefox,webkit' },
      json: { type: 'string' },
      history: { type: 'string' },
    },
  });
  const [file, ...more] = positionals;
  if (file === undefined || more.length > 0) throw new Error(`one model file is needed\n\n${USAGE}`);
  return {
    file,
    name: basename(file),
    threads: numbers(values.threads),
    kernels: words(values.kernels),
    prompts: numbers(values.prompts),
    contexts: numbers(values.contexts),
    tokens: Number(values.tokens),
    rounds: Number(values.rounds),
    loads: Number(values.loads),
    precision: values.precision,
    peers: words(values.peers).map((peer) => {
      const [type, path] = peer.split('=');
      return { type, path };
    }),
    peerPrompts: numbers(values['peer-prompts']),
    peerTokens: Number(values['peer-tokens']),
    peerRounds: Number(values['peer-rounds']),
    engines: words(values.engines).filter((engine) => engine !== 'none'),
    json: values.json,
    history: values.history,
  };
}

/** @typedef {ReturnType<typeof readOptions>} Options */
