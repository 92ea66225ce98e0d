// As `index.d.ts`, for the benchmark page.
export * from '../../worker/bench.js';
