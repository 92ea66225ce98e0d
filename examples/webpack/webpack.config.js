import { resolve } from 'node:path';

export default {
  mode: 'production',
  entry: './src/main.js',
  output: { path: resolve(import.meta.dirname, 'public'), filename: 'main.js' },
  performance: { hints: false }, // the wasm is larger than webpack thinks a page should be
};
