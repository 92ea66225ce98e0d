//! Options of `model.generate` and `model.complete`, and of them those that concern the chat template alone.

use crate::rule::{Kind, MAX_COUNT, MAX_SAFE, Rule};

/// Logits are divided by it.
pub const TEMPERATURE: Rule = Rule {
    name: "temperature",
    kind: Kind::Number { least: 0.0, above: false, most: 100.0, default: 0.0 },
    about: "0 (default) takes the likeliest token; more of it flattens the distribution",
};

/// The probability that the kept tokens have together.
pub const TOP_P: Rule = Rule {
    name: "topP",
    kind: Kind::Number { least: 0.0, above: false, most: 1.0, default: 1.0 },
    about: "0 to 1; 1 (default) keeps all, 0 the likeliest alone",
};

/// The least probability of a kept token, relative to the likeliest one's.
pub const MIN_P: Rule = Rule {
    name: "minP",
    kind: Kind::Number { least: 0.0, above: false, most: 1.0, default: 0.0 },
    about: "0 to 1; 0 (default) keeps all",
};

/// Logits of recent tokens are divided by it, or multiplied where they are negative.
pub const REPETITION_PENALTY: Rule = Rule {
    name: "repetitionPenalty",
    kind: Kind::Number { least: 0.0, above: true, most: 100.0, default: 1.0 },
    about: "1 (default) changes nothing",
};

/// Subtracted from the logit of a recent token for each time that it came.
pub const FREQUENCY_PENALTY: Rule = Rule {
    name: "frequencyPenalty",
    kind: Kind::Number { least: -100.0, above: false, most: 100.0, default: 0.0 },
    about: "subtracted from the logit of a recent token, once for each time that it came; 0 (default) changes nothing",
};

/// Subtracted from the logit of a recent token.
pub const PRESENCE_PENALTY: Rule = Rule {
    name: "presencePenalty",
    kind: Kind::Number { least: -100.0, above: false, most: 100.0, default: 0.0 },
    about: "subtracted from the logit of a recent token, however often it came; 0 (default) changes nothing",
};

/// Standard deviations below the greatest logit at which tokens are cut off.
pub const TOP_N_SIGMA: Rule = Rule {
    name: "topNSigma",
    kind: Kind::Number { least: 0.0, above: false, most: 100.0, default: 0.0 },
    about: "keeps tokens whose logit is at most so many standard deviations of all logits below the greatest; 0 (default) keeps all",
};

/// The probability that the kept tokens of typical information have together.
pub const TYPICAL_P: Rule = Rule {
    name: "typicalP",
    kind: Kind::Number { least: 0.0, above: false, most: 1.0, default: 1.0 },
    about: "0 to 1: keeps the tokens whose information is closest to the expected one, until they have this probability \
            together (locally typical sampling); 1 (default) keeps all",
};

/// How often XTC works.
pub const XTC_PROBABILITY: Rule = Rule {
    name: "xtcProbability",
    kind: Kind::Number { least: 0.0, above: false, most: 1.0, default: 0.0 },
    about: "0 to 1: how often all tokens that reach `xtcThreshold` but the least likely of them are left out (XTC); 0 (default): never",
};

/// The probability from which on XTC leaves tokens out.
pub const XTC_THRESHOLD: Rule = Rule {
    name: "xtcThreshold",
    kind: Kind::Number { least: 0.0, above: false, most: 1.0, default: 0.1 },
    about: "0 to 1, 0.1 by default; above 0.5 no two tokens reach it, and nothing is left out",
};

/// The strength of DRY.
pub const DRY_MULTIPLIER: Rule = Rule {
    name: "dryMultiplier",
    kind: Kind::Number { least: 0.0, above: false, most: 100.0, default: 0.0 },
    about: "strength of the penalty for a token that would continue a repetition (DRY), 0.8 is usual; 0 (default): none",
};

/// The growth of DRY's penalty.
pub const DRY_BASE: Rule = Rule {
    name: "dryBase",
    kind: Kind::Number { least: 1.0, above: false, most: 100.0, default: 1.75 },
    about: "DRY's penalty is `dryMultiplier * dryBase ** (length - dryAllowedLength)`; 1.75 by default",
};

/// The surprise that mirostat keeps up.
pub const MIROSTAT_TAU: Rule = Rule {
    name: "mirostatTau",
    kind: Kind::Number { least: 0.0, above: false, most: 100.0, default: 0.0 },
    about: "the surprise per token, in bits, that mirostat 2 keeps up, 5 is usual; 0 (default): off. It stands in place of the \
            other filters",
};

/// The learning rate of mirostat.
pub const MIROSTAT_ETA: Rule = Rule {
    name: "mirostatEta",
    kind: Kind::Number { least: 0.0, above: false, most: 1.0, default: 0.1 },
    about: "0 to 1: how fast mirostat 2 follows; 0.1 by default",
};

const RESPONSE_FORMAT: Rule = Rule {
    name: "responseFormat",
    kind: Kind::Custom {
        typescript: "ResponseFormat",
        expected: "{ type: 'text' }, { type: 'json_object' }, { type: 'json_schema', schema } with a schema of plain data, \
                   { type: 'regex', pattern } with a string or a RegExp, or { type: 'grammar', grammar } with \
                   the syntax 'lark' or 'gbnf'",
        check: "isResponseFormat",
    },
    about: "what the answer must follow: a JSON schema, an expression or a grammar, enforced while tokens are chosen",
};

const CONTINUE_FINAL_MESSAGE: Rule = Rule {
    name: "continueFinalMessage",
    kind: Kind::Flag,
    about: "for messages that end with the assistant's: `true` lets the answer continue that message, `false` begins a new turn \
            behind it. Needed there: without it such a conversation is an `invalid_argument`",
};

const TOOLS: Rule = Rule {
    name: "tools",
    kind: Kind::Custom {
        typescript: "readonly object[]",
        expected: "an array of objects of plain data",
        check: "isDataArray",
    },
    about: "for messages: functions that the answer may call, `{ type: 'function', function: { name, description, parameters, \
            strict } }` with a JSON schema of the arguments as `parameters`. A call satisfies it; with `strict: false` its \
            arguments are any object",
};

const TOOL_CHOICE: Rule = Rule {
    name: "toolChoice",
    kind: Kind::Custom {
        typescript: "ToolChoice",
        expected: "'auto', 'none', 'required' or { name } with the name of a tool",
        check: "isToolChoice",
    },
    about: "whether the answer calls tools: 'auto' (default) as the model likes, 'none', 'required' at least one, `{ name }` that one",
};

const PARALLEL_TOOL_CALLS: Rule = Rule {
    name: "parallelToolCalls",
    kind: Kind::Flag,
    about: "whether one answer may call several tools, where the model's template knows that; true by default",
};

const DOCUMENTS: Rule = Rule {
    name: "documents",
    kind: TOOLS.kind,
    about: "for messages: mostly `{ title, text }`, for templates that show them",
};

const TEMPLATE_VARIABLES: Rule = Rule {
    name: "templateVariables",
    kind: Kind::Custom {
        typescript: "Record<string, unknown>",
        expected: "an object of plain data",
        check: "isDataObject",
    },
    about: "for messages: further variables of the template, such as `{ enable_thinking: false }`",
};

const THINKING: Rule = Rule {
    name: "thinking",
    kind: Kind::Flag,
    about: "for messages: whether a model thinks before it answers, where its template lets that be chosen (`enable_thinking`); false by \
            default. What it thinks is told as `reasoning`, apart from `text`",
};

/// The longest time that browsers wait, in milliseconds.
const MAX_TIMEOUT: f64 = 2_147_483_647.0;

/// Who is served first.
pub const PRIORITY: Rule = Rule {
    name: "priority",
    kind: Kind::Number { least: -1000.0, above: false, most: 1000.0, default: 0.0 },
    about: "the greater, the earlier it begins; where too many are under way, one of less priority waits for it. 0 by default",
};

/// The variables of the chat template.
pub const CHAT: &[&Rule] = &[&CONTINUE_FINAL_MESSAGE, &TOOLS, &DOCUMENTS, &TEMPLATE_VARIABLES, &THINKING];

/// `model.generate` and `model.complete`.
pub const GENERATE: &[&Rule] = &[
    &Rule {
        name: "maxTokens",
        kind: Kind::Whole { least: 1, most: MAX_COUNT },
        about: "by default what the context still holds",
    },
    &TEMPERATURE,
    &Rule { name: "topK", kind: Kind::Whole { least: 0, most: MAX_COUNT }, about: "0 (default) keeps all" },
    &TOP_P,
    &MIN_P,
    &TYPICAL_P,
    &TOP_N_SIGMA,
    &XTC_PROBABILITY,
    &XTC_THRESHOLD,
    &MIROSTAT_TAU,
    &MIROSTAT_ETA,
    &REPETITION_PENALTY,
    &FREQUENCY_PENALTY,
    &PRESENCE_PENALTY,
    &Rule {
        name: "penaltyWindow",
        kind: Kind::Whole { least: 0, most: MAX_COUNT },
        about: "how many of the last tokens, those of the prompt included, the three penalties look at; 64 by default",
    },
    &DRY_MULTIPLIER,
    &DRY_BASE,
    &Rule {
        name: "dryAllowedLength",
        kind: Kind::Whole { least: 0, most: MAX_COUNT },
        about: "the longest repetition, in tokens, that DRY lets pass; 2 by default",
    },
    &Rule {
        name: "dryWindow",
        kind: Kind::Whole { least: 0, most: MAX_COUNT },
        about: "how many of the last tokens, those of the prompt included, DRY looks at; all by default",
    },
    &Rule {
        name: "dryBreakers",
        kind: Kind::Custom {
            typescript: "string | readonly string[]",
            expected: "a string or an array of at most 64 strings, none empty",
            check: "isStop",
        },
        about: "texts over which DRY sees no repetition; line feed, colon, quotation mark and asterisk by default",
    },
    &Rule {
        name: "logitBias",
        kind: Kind::Custom {
            typescript: "Readonly<Record<number, number>>",
            expected: "an object of token ids and numbers from -1000 to 1000",
            check: "isLogitBias",
        },
        about: "numbers that are added to the logits of tokens, by their ids: -1000 rules a token out, 1000 makes it certain",
    },
    &Rule {
        name: "bannedStrings",
        kind: Kind::Custom {
            typescript: "string | readonly string[]",
            expected: "a string or an array of at most 64 strings, none empty",
            check: "isStop",
        },
        about: "texts that the answer never contains: a token that would complete one is ruled out; at most 64",
    },
    &Rule {
        name: "logprobs",
        kind: Kind::Custom {
            typescript: "boolean | number",
            expected: "true, false or a whole number from 0 to 100",
            check: "isLogprobs",
        },
        about: "whether each token tells its log-probability, by the model's exact logits at temperature 1 before any other \
                option; a number also asks for so many of the likeliest tokens in its place",
    },
    &Rule {
        name: "seed",
        kind: Kind::Whole { least: 0, most: MAX_SAFE },
        about: "the same seed gives the same text; random by default",
    },
    &Rule {
        name: "stop",
        kind: Kind::Custom {
            typescript: "string | readonly string[]",
            expected: "a string or an array of at most 64 strings, none empty",
            check: "isStop",
        },
        about: "ends the answer where one of these would appear; at most 64. Control tokens, which an answer does not show, are \
                written by name: `'<|eot_id|>'`",
    },
    &Rule {
        name: "stopTokens",
        kind: Kind::Custom {
            typescript: "number | string | readonly (number | string)[]",
            expected: "token ids (whole numbers from 0 to 4294967295) or the texts of tokens, none empty",
            check: "isStopTokens",
        },
        about: "token ids, or the texts of tokens, that end the answer, besides the model's own ends",
    },
    &RESPONSE_FORMAT,
    &CONTINUE_FINAL_MESSAGE,
    &TOOLS,
    &TOOL_CHOICE,
    &PARALLEL_TOOL_CALLS,
    &DOCUMENTS,
    &TEMPLATE_VARIABLES,
    &THINKING,
    &Rule {
        name: "speculative",
        kind: Kind::Flag,
        about: "whether tokens may be guessed where the text repeats itself, and several verified at once: it changes nothing of \
                what is said, and is done where it is measured to be faster. True by default",
    },
    &Rule {
        name: "responseCache",
        kind: Kind::Flag,
        about: "whether the answer may come from the response cache and be kept there, where the model was loaded with one; true \
                by default",
    },
    &PRIORITY,
    &Rule {
        name: "timeout",
        kind: Kind::Number { least: 0.0, above: true, most: MAX_TIMEOUT, default: MAX_TIMEOUT },
        about: "milliseconds after which the call rejects with `timeout`, waiting included; `details.usage` tells how far it \
                was. None by default",
    },
    &Rule {
        name: "clientId",
        kind: Kind::Custom { typescript: "string", expected: "a string of 1 to 256 characters", check: "isClientId" },
        about: "who asks, for guards and their audit events: whatever the application tells its users apart by",
    },
    &Rule {
        name: "onPrefill",
        kind: Kind::Custom { typescript: "(prefill: Prefill) => void", expected: "a function", check: "isFunction" },
        about: "called as the prompt is read",
    },
    &Rule {
        name: "timeParts",
        kind: Kind::Flag,
        about: "whether `timings.parts` tells where the time went; such a call runs alone. False by default",
    },
    &Rule {
        name: "signal",
        kind: Kind::Custom { typescript: "AbortSignal", expected: "an AbortSignal", check: "isSignal" },
        about: "stops the answer within a token when it aborts",
    },
];
