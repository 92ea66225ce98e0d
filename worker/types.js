// The types that callers may want to name: `import type { LoadOptions } from 'bitnet-web'`.

/** @typedef {import('./cache.js').Cache} Cache */
/** @typedef {import('./chat/chat.js').ChatInput} ChatInput */
/** @typedef {import('./chat/chat.js').ChatResult} ChatResult */
/** @typedef {import('./chat/chat.js').ChatSessionOptions} ChatSessionOptions */
/** @typedef {import('./chat/chat.js').ChatUsage} ChatUsage */
/** @typedef {import('./chat/chat.js').ConversationOptions} ConversationOptions */
/** @typedef {import('./chat/chat.js').OnFull} OnFull */
/** @typedef {import('./chat/store.js').SavedChat} SavedChat */
/** @typedef {import('./chat/store.js').SavedChatEntry} SavedChatEntry */
/** @typedef {import('./error.js').ErrorCode} ErrorCode */
/** @typedef {import('./headers.js').HeaderFunction} HeaderFunction */
/** @typedef {import('./headers.js').HeaderRecord} HeaderRecord */
/** @typedef {import('./schema.js').ChatOptions} ChatOptions */
/** @typedef {import('./schema.js').GenerateOptions} GenerateOptions */
/** @typedef {import('./schema.js').LoadOptions} LoadOptions */
/** @typedef {import('./schema.js').WorkerOptions} WorkerOptions */
/** @typedef {import('./protocol.js').CacheEntry} CacheEntry */
/** @typedef {import('./protocol.js').CacheMode} CacheMode */
/** @typedef {import('./protocol.js').FinishReason} FinishReason */
/** @typedef {import('./protocol.js').GenerationResult} GenerationResult */
/** @typedef {import('./protocol.js').Logprob} Logprob */
/** @typedef {import('./protocol.js').Message} Message */
/** @typedef {import('./protocol.js').ModelInfo} ModelInfo */
/** @typedef {import('./protocol.js').NetworkOptions} NetworkOptions */
/** @typedef {import('./protocol.js').Parts} Parts */
/** @typedef {import('./protocol.js').Probe} Probe */
/** @typedef {import('./protocol.js').PartialResult} PartialResult */
/** @typedef {import('./protocol.js').Perplexity} Perplexity */
/** @typedef {import('./protocol.js').Prefill} Prefill */
/** @typedef {import('./protocol.js').Progress} Progress */
/** @typedef {import('./protocol.js').Prompt} Prompt */
/** @typedef {import('./protocol.js').SelfTest} SelfTest */
/** @typedef {import('./protocol.js').StoppedBy} StoppedBy */
/** @typedef {import('./protocol.js').StorageEstimate} StorageEstimate */
/** @typedef {import('./protocol.js').StreamEvent} StreamEvent */
/** @typedef {import('./protocol.js').TextPart} TextPart */
/** @typedef {import('./protocol.js').Timings} Timings */
/** @typedef {import('./protocol.js').Token} Token */
/** @typedef {import('./protocol.js').Usage} Usage */
/** @typedef {import('./source.js').Source} Source */
/** @typedef {import('./variant.js').Variant} Variant */

export {};
