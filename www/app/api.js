/**
 * The public API as the pages use it: the library's own types, and what is used only where it exists.
 */

/** @typedef {import('../../worker/model.js').Model} Model */
/** @typedef {import('../../worker/protocol.js').ModelInfo} ModelInfo */
/** @typedef {import('../../worker/protocol.js').Message} Message */
/** @typedef {import('../../worker/protocol.js').Progress} LoadProgress */
/** @typedef {import('../../worker/protocol.js').GenerationResult} GenerationResult */
/** @typedef {import('../../worker/protocol.js').SelfTest} SelfTest */
/** @typedef {import('../../worker/schema.js').LoadOptions} LoadOptions */
/** @typedef {import('../../worker/schema.js').GenerateOptions} GenerateOptions */

/** @typedef {string | File | Blob} Source */

/**
 * A model file in the browser's storage.
 * @typedef {object} CachedModel
 * @property {string} source the address it came from
 * @property {number | null} [bytes] of the whole file, where known
 * @property {number} storedBytes
 * @property {boolean} complete
 * @property {number} lastUsed milliseconds since 1970
 */

/**
 * @typedef {object} ModelCache
 * @property {() => Promise<CachedModel[]>} list
 * @property {(source: string) => Promise<unknown>} delete
 * @property {() => Promise<unknown>} clear
 * @property {() => Promise<{ usage?: number | null, quota?: number | null, persisted: boolean }>} estimate
 * @property {() => Promise<unknown>} persist
 */

/**
 * The properties of a model that its header tells before the file is downloaded.
 * @typedef {object} ProbeResult
 * @property {number} [parameters]
 * @property {number} [bytes] to download
 * @property {number} [memoryBytes] needed
 * @property {boolean} [fits]
 * @property {number} [contextThatFits] the longest context that fits, in tokens; 0 if none does
 * @property {number | null} [tokensPerSecond] estimated
 */

/**
 * @typedef {object} BitNetApi
 * @property {(source: Source, options?: LoadOptions) => Promise<Model>} load
 * @property {readonly string[]} kernels the reference first
 * @property {(options?: { threads?: number, signal?: AbortSignal }) => Promise<SelfTest>} [selfTest]
 * @property {(source: Source, settings: readonly import('../../worker/compare.js').ComparedSetting[], options?: import('../../worker/compare.js').CompareOptions) => Promise<unknown>} [compare]
 * @property {ModelCache} [cache]
 * @property {(source: Source, options?: LoadOptions) => Promise<ProbeResult>} [probe]
 */

export {};
