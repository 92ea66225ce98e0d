// The generated glue, as far as the workers use it: lets the type checker run before anything is built.
declare module '*/bitnet_web.js' {
  export interface InitOptions {
    module_or_path: WebAssembly.Module;
    memory: WebAssembly.Memory;
    thread_stack_size?: number;
  }

  /** One step of a generation. */
  export type StepEvent =
    | { type: 'begun'; cached: number }
    | { type: 'prefill'; done: number; total: number }
    | ({ type: 'token' } & import('./protocol.js').Token)
    | {
        type: 'done';
        finishReason: import('./protocol.js').FinishReason;
        stoppedBy?: import('./protocol.js').StoppedBy;
        text: string;
        reasoning?: string;
        usage: import('./protocol.js').Usage;
        threads: number;
      };

  export class WasmPool {
    constructor(threads: number, measured: boolean);
    ticket(): number;
    readonly threads: number;
  }

  /** An adapter that was read; `addAdapter` takes it. */
  export class WasmAdapter {
    free(): void;
  }

  export class WasmEncoding {
    constructor(text: string);
    ids(): Uint32Array;
    free(): void;
  }

  export class WasmModel {
    info(): Omit<import('./protocol.js').ModelInfo, 'variant' | 'isolated'>;
    tokenizeStep(encoding: WasmEncoding, limit: number): boolean;
    detokenize(ids: Uint32Array): string;
    addAdapter(name: string, adapter: WasmAdapter, weight: number): void;
    enableAdapter(name: string, weight: number | undefined): void;
    disableAdapter(name: string): void;
    removeAdapter(name: string): void;
    adapters(): import('./protocol.js').AdapterInfo[];
    chatPrompt(messages: import('./protocol.js').WireMessage[], options: import('./protocol.js').WireChatOptions): string;
    submit(id: number, prompt: import('./protocol.js').WirePrompt, options: import('./protocol.js').WireGenerateOptions, constraint?: object): void;
    step(limit: number): { id: number; event?: StepEvent; error?: import('./error.js').WireError }[];
    cancel(id: number): import('./protocol.js').Usage | undefined;
    cancelAll(): void;
    setPaused(paused: boolean): void;
    releaseMemory(): { releasedBytes: number; usedBytes: number };
    beginExport(prompt: import('./protocol.js').WirePrompt, options: import('./protocol.js').WireChatOptions): number;
    stepExport(): Uint8Array;
    beginImport(): void;
    pushImport(bytes: Uint8Array): void;
    endImport(): number;
    spellings(mark: number): [bytes: Uint8Array, ends: Uint32Array, stops: Uint32Array];
    takeParts(): Omit<import('./protocol.js').Parts, 'other'> | undefined;
    readLimit(bytes: number): import('./protocol.js').ReadLimit;
    end(): void;
    countTokens(prompt: import('./protocol.js').WirePrompt, options: import('./protocol.js').WireChatOptions): number;
    beginScores(text: string): Uint32Array;
    beginLogits(ids: Uint32Array, positions: Uint32Array): void;
    /** Indices of the positions, and the row of logits of each. */
    stepLogits(limit: number): [rows: Uint32Array, logits: Float32Array] | undefined;
    beginEmbed(texts: string[]): void;
    /** Indices of the texts, and the vector of each. */
    stepEmbed(limit: number): [texts: Uint32Array, vectors: Float32Array] | undefined;
    logitsHash(): string;
    stats(): import('./protocol.js').EngineStats;
    responseKey(prompt: import('./protocol.js').WirePrompt, chat: import('./protocol.js').WireChatOptions, options: string): string;
    wakeThreads(): number;
    matrices(): import('./protocol.js').MatrixInfo[];
    weightTile(name: string, row: number, rows: number, col: number, cols: number): Int8Array;
    countWeights(name: string, row: number, limit: number): import('./protocol.js').WeightCounts;
    threadLoad(measured: boolean): Float64Array;
    beginTrial(tokens: number): void;
    /** Whether it has come to its end. */
    stepTrial(limit: number): boolean;
    endTrial(): Uint32Array;
    free(): void;
  }

  export default function init(options: InitOptions): Promise<unknown>;
  export function prepare(max_pages: number): void;
  export function selfTest(pool: WasmPool, seed: number): import('./protocol.js').SelfTest;
  export function refused_allocation(): number;
  export function interrupted(): boolean;
  export function memoryBytes(): number;
  export function enter_pool(ticket: number, index: number): void;
  export function load(
    source: object,
    options: import('./protocol.js').WireLoadOptions,
    pool: WasmPool,
    progress: (progress: import('./protocol.js').Progress) => void,
  ): Promise<WasmModel>;
  export function readAdapter(
    source: object,
    options: import('./protocol.js').WireLoadOptions,
    progress: (progress: import('./protocol.js').Progress) => void,
  ): Promise<WasmAdapter>;
  export function probe(
    source: object,
    options: import('./protocol.js').WireLoadOptions,
    pool: WasmPool,
  ): Promise<Omit<import('./protocol.js').Probe, 'variant' | 'isolated' | 'threads'>>;
  export function cache(action: string, address: string, hfBase: string | undefined, bytes: number): Promise<any>;
}

// The module of grammars, which `grammar.js` loads.
declare module '*/bitnet_grammar.js' {
  export class GrammarVocabulary {
    constructor(bytes: Uint8Array, ends: Uint32Array, stops: Uint32Array);
    constrain(format: string): GrammarConstraint;
    free(): void;
  }

  export class GrammarConstraint {
    mask(): Uint32Array;
    forced(): Uint32Array;
    accept(token: number): boolean;
    free(): void;
  }

  export function initSync(options: { module: WebAssembly.Module }): unknown;
  /** Forgets the instance and all of its objects. */
  export function __wbg_reset_state(): void;
}
