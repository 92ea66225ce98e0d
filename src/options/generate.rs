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
    about: "for messages: descriptions of functions, as JSON schemas, for templates that show them",
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

/// The variables of the chat template.
pub const CHAT: &[&Rule] = &[&CONTINUE_FINAL_MESSAGE, &TOOLS, &DOCUMENTS, &TEMPLATE_VARIABLES];

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
    &REPETITION_PENALTY,
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
    &CONTINUE_FINAL_MESSAGE,
    &TOOLS,
    &DOCUMENTS,
    &TEMPLATE_VARIABLES,
    &Rule {
        name: "timeParts",
        kind: Kind::Flag,
        about: "whether `timings.parts` tells where the time went; false by default",
    },
    &Rule {
        name: "signal",
        kind: Kind::Custom { typescript: "AbortSignal", expected: "an AbortSignal", check: "isSignal" },
        about: "stops the answer within a token when it aborts",
    },
];
