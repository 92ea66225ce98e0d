// As `index.d.ts`, for what the chat keeps of conversations.
export * from '../../worker/prefix.js';
