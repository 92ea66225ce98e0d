// As `index.d.ts`, for the panel that shows the engine at work.
export * from '../../worker/inspect.js';
