//! Options of `BitNet.load`, `BitNet.probe` and, of them, those that concern workers alone.

use crate::rule::{Kind, MAX_COUNT, Rule};

/// Requests that may wait by default.
pub const MAX_QUEUE: usize = 256;

/// Where an address is relative, the page's own is its base.
const ADDRESS: Kind = Kind::Custom { typescript: "string | URL", expected: "an address", check: "isAddress" };

const THREADS: Rule = Rule {
    name: "threads",
    kind: Kind::Custom {
        typescript: "'auto' | number",
        expected: "'auto' or a whole number from 1 to 64",
        check: "isThreadCount",
    },
    about: "1 to 64; `auto`, the default, starts with what the model's size suggests and goes on with what is fastest, by the \
            time that its own tokens take; `model.info.threads` tells",
};

const VARIANT: Rule = Rule {
    name: "variant",
    kind: Kind::OneOf(&["auto", "relaxed", "simd128"]),
    about: "the WebAssembly build; `auto` by default",
};

const SIGNAL: Rule = Rule {
    name: "signal",
    kind: Kind::Custom { typescript: "AbortSignal", expected: "an AbortSignal", check: "isSignal" },
    about: "stops the call when it aborts; the call rejects with the signal's reason",
};

const WORKER_URL: Rule =
    Rule { name: "workerUrl", kind: ADDRESS, about: "address of `engine.js`; `compute.js` is taken from beside it" };

const WASM_BASE: Rule = Rule { name: "wasmBase", kind: ADDRESS, about: "folder that holds `relaxed/` and `simd128/`" };

const WATCHDOG: Rule = Rule {
    name: "watchdog",
    kind: Kind::Number { least: 0.0, above: false, most: f64::INFINITY, default: 30_000.0 },
    about: "milliseconds without a sign of life after which a worker counts as dead; 0: never; 30000 by default",
};

const ON_PROGRESS: Rule = Rule {
    name: "onProgress",
    kind: Kind::Custom { typescript: "((progress: Progress) => void)", expected: "a function", check: "isFunction" },
    about: "called as the model arrives",
};

const CACHE: Rule = Rule {
    name: "cache",
    kind: Kind::Custom {
        typescript: "CacheMode",
        expected: "true, false, 'revalidate' or 'reload'",
        check: "isCacheMode",
    },
    about: "whether the file is kept in the browser's storage; true by default",
};

const EVICT: Rule = Rule {
    name: "evict",
    kind: Kind::Flag,
    about: "whether models that were not used for the longest time may be removed from the browser's storage where this \
            one does not fit; false by default",
};

const NETWORK: Rule = Rule {
    name: "network",
    kind: Kind::Custom {
        typescript: "NetworkOptions",
        expected: "an object with numbers of 0 or more for chunkBytes, requests, attempts, retryDelayMs or stallMs",
        check: "isNetworkOptions",
    },
    about: "how requests are made",
};

const INTEGRITY: Rule = Rule {
    name: "integrity",
    kind: Kind::Custom {
        typescript: "string",
        expected: "'sha256-' and a digest in base64 or hex",
        check: "isIntegrity",
    },
    about: "`sha256-` and the digest of the whole file in base64 or hex",
};

const HEADERS: Rule = Rule {
    name: "headers",
    kind: Kind::Custom {
        typescript: "HeaderRecord | HeaderFunction",
        expected: "Headers or an object of strings that may be sent as headers, or a function that gives them",
        check: "isHeaders",
    },
    about: "sent with every request for the file, or a function that gives them for the address of a request (also a \
            promise of them), each time anew. A browser sends them on to wherever that address redirects, and takes \
            away `Authorization` alone",
};

const HF_BASE: Rule =
    Rule { name: "hfBase", kind: ADDRESS, about: "where `hf:` addresses point, `https://huggingface.co/` by default" };

/// Options of a call that starts workers and loads no model.
pub const WORKERS: &[&Rule] = &[&THREADS, &VARIANT, &SIGNAL, &WORKER_URL, &WASM_BASE, &WATCHDOG];

/// `BitNet.load` and `BitNet.probe`.
pub const LOAD: &[&Rule] = &[
    &THREADS,
    &Rule {
        name: "context",
        kind: Kind::Whole { least: 1, most: MAX_COUNT },
        about: "tokens of prompt and answer together; by default what the model allows and memory holds",
    },
    &Rule {
        name: "kernel",
        kind: Kind::Kernel,
        about: "`auto` (default) measures and picks. Binary weights (Q1_0) have one kernel of their own, which stands in for each of them but `scalar`",
    },
    &Rule {
        name: "precision",
        kind: Kind::OneOf(&["fast", "exact"]),
        about: "`fast` (default): int8 head and KV cache, logits of unlikely tokens estimated. `exact`: f32 KV cache, head in \
                the file's own precision",
    },
    &VARIANT,
    &ON_PROGRESS,
    &SIGNAL,
    &CACHE,
    &EVICT,
    &NETWORK,
    &INTEGRITY,
    &HEADERS,
    &HF_BASE,
    &Rule {
        name: "adapters",
        kind: Kind::Custom {
            typescript: "readonly (AdapterOptions & { source: Source })[]",
            expected: "an array of objects with the source of an adapter, and options of adapters.load",
            check: "isAdapters",
        },
        about: "LoRA adapters that are loaded with the model and switched on, as by `model.adapters.load`",
    },
    &Rule { name: "chatTemplate", kind: Kind::Text, about: "instead of the file's own" },
    &Rule { name: "preTokenizer", kind: Kind::Text, about: "instead of the file's own, for example `llama-bpe`" },
    &Rule {
        name: "i2sLayout",
        kind: Kind::OneOf(&["x86", "arm"]),
        about: "bit order of I2_S tensors; `x86` by default",
    },
    &Rule {
        name: "maxConcurrent",
        kind: Kind::Whole { least: 1, most: 64 },
        about: "requests that are computed at once, token by token; by default as memory allows, at most 8. `model.info` tells",
    },
    &Rule {
        name: "maxQueue",
        kind: Kind::Whole { least: 0, most: MAX_COUNT },
        about: "requests that may wait besides, 256 by default; a further one rejects with `queue_full`",
    },
    &Rule {
        name: "kvTokens",
        kind: Kind::Whole { least: 1, most: MAX_COUNT },
        about: "tokens whose keys and values stay in memory, of all requests and of what was computed before, at least one \
                context; by default as many as two contexts, with at least 64 and at most 256 MiB for the second, where memory \
                allows",
    },
    &Rule {
        name: "hidden",
        kind: Kind::OneOf(&["run", "pause"]),
        about: "what generations do while the page is hidden: `run` (default), or `pause` until it is shown",
    },
    &Rule {
        name: "shared",
        kind: Kind::Flag,
        about: "whether all tabs of this origin that load the same model with the same options use one engine, which one of them \
                runs. The source must be an address. False by default",
    },
    &Rule {
        name: "onLeaderLost",
        kind: Kind::OneOf(&["repeat", "error"]),
        about: "what becomes of calls under way when the tab that runs a shared engine is closed or its engine dies: `repeat` \
                (default), by the tab that takes over, without telling anything twice; or `error`, they reject with \
                `leader_lost` or `crashed`",
    },
    &Rule {
        name: "guards",
        kind: Kind::Custom {
            typescript: "readonly Guard[]",
            expected: "an array of guards, each an object with a name, and beforeGenerate or onText as functions; timeout and \
                       maxHold above 0",
            check: "isGuards",
        },
        about: "limits that the application sets: they look at every request, and at the text of every answer, in this order. \
                `bitnet-web/guards` has ready-made ones",
    },
    &Rule {
        name: "preset",
        kind: Kind::OneOf(&["auto", "mobile", "laptop", "desktop"]),
        about: "chooses `threads`, `context`, `precision` and `maxConcurrent` for a kind of device, or with `auto` for this one; \
                what is given besides wins. `model.info.preset` tells the choice and its reasons. None by default",
    },
    &Rule {
        name: "responseCache",
        kind: Kind::Custom {
            typescript: "boolean | ResponseCacheOptions",
            expected: "true, false, or an object with maxBytes and maxEntries, whole numbers of 1 or more",
            check: "isResponseCache",
        },
        about: "whether answers that would be the same again are kept in the browser's storage, those with a `temperature` of 0 \
                or a `seed`, and told from there; false by default. Not where the model itself is not kept: with `cache: \
                false`, and of a source that is no address",
    },
    &Rule {
        name: "warmUp",
        kind: Kind::Flag,
        about: "whether a few tokens are written before the model is there, and forgotten: the first answer is then as fast as \
                the next ones; false by default",
    },
    &Rule {
        name: "metrics",
        kind: Kind::Custom {
            typescript: "MetricsOptions",
            expected: "an object with interval and history in milliseconds, or timeline as true or false",
            check: "isMetricsOptions",
        },
        about: "how `model.metrics` measures: the interval and the reach of its history, and whether requests are written onto the \
                browser's Performance timeline",
    },
    &WORKER_URL,
    &WASM_BASE,
    &WATCHDOG,
];

/// `model.adapters.load`.
pub const ADAPTER: &[&Rule] = &[
    &Rule { name: "name", kind: Kind::Text, about: "by which the adapter is switched; its address or file by default" },
    &Rule {
        name: "weight",
        kind: Kind::Number { least: f64::MIN, above: false, most: f64::INFINITY, default: 1.0 },
        about: "what its part is multiplied with; 1 by default",
    },
    &ON_PROGRESS,
    &SIGNAL,
    &CACHE,
    &EVICT,
    &NETWORK,
    &INTEGRITY,
    &HEADERS,
    &HF_BASE,
];
