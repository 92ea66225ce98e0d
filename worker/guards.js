// Ready-made guards: limits of an application, for the option `guards` of `BitNet.load` and for `model.guards.add`.
export { clean } from './guards/clean.js';
export { inputLength, outputTokens, requestRate } from './guards/limits.js';
export { wordFilter } from './guards/word-filter.js';
