//! Expressions, grammars and JSON without a schema.

use bitnet_grammar::{Format, Vocabulary};
use oorandom::Rand64;
use serde_json::{Value, json};

use crate::support::{demo, draw, ids, takes};

const SEED: u128 = 20_261_127;

fn refusal(format: &Format) -> String {
    demo().vocabulary.constrain(format).err().map_or_else(|| panic!("{format:?} is taken"), |error| error.to_string())
}

/// Texts that are drawn, all of which must be at their end within the tokens.
fn drawn(format: &Format, count: u128) -> Vec<String> {
    let draw = |seed| {
        let mut constraint = demo().vocabulary.constrain(format).unwrap();
        let text = draw(demo(), &mut constraint, &mut Rand64::new(SEED + seed), 400).unwrap();
        String::from_utf8(text.unwrap_or_else(|| panic!("seed {}: {format:?} does not end", SEED + seed))).unwrap()
    };
    (0..count).map(draw).collect()
}

#[test]
fn an_expression_is_matched_as_a_whole() {
    for text in drawn(&Format::regex(r"[A-F]{2}-\d{3}(, (yes|no))?"), 50) {
        let (code, rest) = text.split_at(6);
        let (letters, digits) = code.split_once('-').unwrap();
        assert!(letters.len() == 2 && letters.bytes().all(|b| (b'A'..=b'F').contains(&b)), "{text}");
        assert!(digits.len() == 3 && digits.bytes().all(|b| b.is_ascii_digit()), "{text}");
        assert!(matches!(rest, "" | ", yes" | ", no"), "{text}");
    }
}

#[test]
fn characters_of_several_bytes_stay_whole() {
    let (format, mut constraint) = {
        let format = Format::regex("(Zürich|Köln|東京|🦀){2}");
        let constraint = demo().vocabulary.constrain(&format).unwrap();
        (format, constraint)
    };
    assert!(takes(demo(), &mut constraint, "東京🦀").unwrap());
    for text in drawn(&format, 20) {
        let left = ["Zürich", "Köln", "東京", "🦀"].iter().fold(text.clone(), |text, word| text.replace(word, ""));
        assert_eq!(left, "", "{text}");
    }
}

#[test]
fn digits_and_words_are_javascripts() {
    for (pattern, text) in [(r"\d+", "٣"), (r"\w+", "é"), (r"\W", "a")] {
        let mut constraint = demo().vocabulary.constrain(&Format::regex(pattern)).unwrap();
        assert!(!takes(demo(), &mut constraint, text).unwrap(), "{pattern} {text}");
    }
    // The slash of JavaScript's spelling is no end here.
    let mut constraint = demo().vocabulary.constrain(&Format::regex("a/b")).unwrap();
    assert!(takes(demo(), &mut constraint, "a/b").unwrap());
}

#[test]
fn any_object_is_json() {
    let mut constraint = demo().vocabulary.constrain(&Format::JsonObject).unwrap();
    assert!(takes(demo(), &mut constraint, r#"{"a": [1, {"b": null}], "c": "ü\n"}"#).unwrap());
    let mut constraint = demo().vocabulary.constrain(&Format::JsonObject).unwrap();
    assert!(!takes(demo(), &mut constraint, "[1]").unwrap());
    for seed in 0..50 {
        let mut constraint = demo().vocabulary.constrain(&Format::JsonObject).unwrap();
        let mut random = Rand64::new(SEED + seed);
        if let Some(text) = draw(demo(), &mut constraint, &mut random, 300).unwrap() {
            let text = String::from_utf8(text).unwrap();
            match serde_json::from_str::<Value>(&text) {
                Ok(value) => assert!(value.is_object(), "{text}"),
                Err(error) => assert!(error.to_string().contains("out of range"), "seed {}: {text}", SEED + seed),
            }
        }
    }
}

#[test]
fn a_grammar_may_recur() {
    let grammar = "start: expr\nexpr: NUMBER | \"(\" expr (\" + \" | \" * \") expr \")\"\nNUMBER: /[1-9][0-9]{0,2}/\n";
    for seed in 0..30 {
        let mut constraint = demo().vocabulary.constrain(&Format::lark(grammar)).unwrap();
        if let Some(text) = draw(demo(), &mut constraint, &mut Rand64::new(SEED + seed), 200).unwrap() {
            let text = String::from_utf8(text).unwrap();
            let depth = text.chars().fold(0_i32, |depth, c| depth + i32::from(c == '(') - i32::from(c == ')'));
            assert_eq!(depth, 0, "{text}");
        }
    }
}

#[test]
fn properties_come_in_the_order_of_the_schema() {
    let schema = json!({
        "type": "object",
        "properties": { "zeta": { "type": "integer" }, "alpha": { "type": "boolean" } },
        "required": ["zeta", "alpha"],
        "additionalProperties": false,
    });
    for text in drawn(&Format::JsonSchema(schema), 10) {
        assert!(text.find("zeta").unwrap() < text.find("alpha").unwrap(), "{text}");
        assert!(!text.contains('\n'), "{text}");
    }
}

#[test]
fn what_cannot_be_enforced_is_refused_and_says_why() {
    let schema = |schema: Value| Format::JsonSchema(schema);
    let cases = [
        (schema(json!({ "type": "array", "uniqueItems": true })), "uniqueItems"),
        (schema(json!({ "type": "array", "contains": { "const": 1 } })), "contains"),
        (schema(json!({ "contains": { "const": 1 }, "minContains": 0, "maxContains": 2 })), "contains"),
        (
            schema(
                json!({ "$schema": "http://json-schema.org/draft-07/schema#", "contains": { "const": 1 }, "minContains": 0 }),
            ),
            "contains",
        ),
        (schema(json!({ "not": { "type": "string", "minLength": 2 } })), "not"),
        (schema(json!({ "not": { "type": "integer" } })), "not"),
        (schema(json!({ "properties": { "a": { "if": true, "then": false } } })), "if"),
        (schema(json!({ "oneOf": [{ "minimum": 1 }, { "maximum": 2 }] })), "oneOf"),
        (schema(json!({ "type": "string", "format": "json-pointer" })), "json-pointer"),
        (schema(json!({ "$ref": "#" })), "no text satisfies it"),
        (schema(json!({ "properties": { "a": { "$ref": "#/$defs/Of%3CNone%3E" } } })), "Of%3CNone%3E"),
        (schema(json!({ "type": "strnig" })), "strnig"),
        (schema(json!({ "$ref": "#/$defs/none" })), "none"),
        (schema(json!({ "$ref": "https://example.org/other.json" })), "example.org"),
        (schema(json!({ "$defs": { "a": { "$id": "b" } }, "$ref": "#/$defs/a" })), "#/$defs/name"),
        (schema(json!({ "type": "integer", "minimum": 3, "maximum": 2 })), "minimum"),
        (schema(json!(false)), "false"),
        (schema(json!([])), "expected an object"),
        (schema(json!({ "type": "string", "pattern": "(?=a)b" })), "(?=a)b"),
        (Format::regex("(unclosed"), "unclosed"),
        (Format::regex("a*?(?<!b)c"), "(?<!b)c"),
        (Format::lark("start: nothing"), "nothing"),
        (Format::lark("begin: \"a\""), "start"),
        (Format::lark(""), "start"),
    ];
    for (format, word) in cases {
        let sentence = refusal(&format);
        assert!(sentence.contains("cannot be enforced") || sentence.contains("expected"), "{format:?}: {sentence}");
        assert!(sentence.contains(word) && !sentence.contains("<state>"), "{format:?}: {sentence}");
    }
}

#[test]
fn banned_texts_are_left_out_where_others_stay() {
    let read = |value: Value| Format::from_json(&value.to_string()).unwrap();
    let without = json!(["cat", "a/b", "\n."]);
    let regex = |pattern: &str| read(json!({ "type": "regex", "pattern": pattern, "without": without }));
    for text in drawn(&regex("(cat|dog|a/b|a/c|x\n\\.|x)"), 20) {
        assert!(["dog", "a/c", "x"].contains(&text.as_str()), "{text}");
    }
    for text in drawn(&regex("[act]{6}"), 20) {
        assert!(text.len() == 6 && !text.contains("cat"), "{text}");
    }
    assert!(refusal(&regex("a?cat")).contains("bannedStrings"));
    let schema =
        json!({ "type": "array", "items": { "enum": ["cat", "cow", "tomcat"] }, "minItems": 2, "maxItems": 2 });
    for text in drawn(&read(json!({ "type": "json_schema", "schema": schema, "without": ["cat"] })), 5) {
        assert!(!text.contains("cat"), "{text}");
    }
    // Where none stays the sampler tells.
    let only = read(json!({ "type": "json_schema", "schema": { "enum": ["cat"] }, "without": ["cat"] }));
    assert_eq!(drawn(&only, 1), ["\"cat\""]);
}

#[test]
fn what_derives_no_text_is_refused() {
    let schema = |schema: Value| Format::JsonSchema(schema);
    let gbnf = |grammar: &str| Format::from_json(&json!({ "type": "grammar", "grammar": grammar }).to_string());
    for grammar in [
        "root ::= root",
        "root ::= root root",
        "root ::= \"a\" root",
        "root ::= root \"a\"",
        "root ::= x\nx ::= y | \"(\" x \")\"\ny ::= x+",
        "root ::= (root)+ | \"a\" x\nx ::= root",
    ] {
        let error = gbnf(grammar).map_or_else(|error| error.to_string(), |format| refusal(&format));
        assert!(error.contains("no text satisfies it"), "{grammar}: {error}");
    }
    // Choices that never end are not begun.
    let format = gbnf("root ::= \"a\" x | \"b\" x* \"c\"\nx ::= \"d\" x").unwrap();
    assert_eq!(drawn(&format, 3), ["bc", "bc", "bc"]);
    for lark in ["start: start", "start: \"a\" start", "start: x\nx: y | \"(\" x \")\"\ny: x+"] {
        assert!(refusal(&Format::lark(lark)).contains("no text satisfies it"), "{lark}");
    }
    for pattern in ["[]", "a[]", "[]+b", "(?:[]|[^\\s\\S])"] {
        assert!(refusal(&Format::regex(pattern)).contains("no text satisfies it"), "{pattern}");
    }
    let object = |inner: Value| json!({ "type": "object", "properties": { "a": inner }, "required": ["a"] });
    for nothing in [
        json!({ "not": {} }),
        json!({ "not": true }),
        json!({ "enum": [] }),
        json!({ "anyOf": [] }),
        json!({ "allOf": [{ "type": "string" }, { "type": "number" }] }),
        json!({ "allOf": [{ "const": 1 }, { "const": 2 }] }),
        json!({ "type": [] }),
        json!({ "type": "string", "enum": [1, 2] }),
        json!({ "type": "string", "minLength": 3, "maxLength": 2 }),
        json!({ "type": "string", "pattern": "^a$", "minLength": 2 }),
        json!({ "type": "array", "minItems": 3, "maxItems": 2 }),
        json!({ "type": "array", "items": false, "minItems": 1 }),
        json!({ "type": "object", "minProperties": 1, "maxProperties": 0 }),
        json!({ "type": "object", "properties": { "a": false }, "required": ["a"] }),
        json!({ "$defs": { "a": object(json!({ "$ref": "#/$defs/a" })) }, "$ref": "#/$defs/a" }),
        json!({ "type": "array", "items": { "$ref": "#" }, "minItems": 1 }),
    ] {
        for schema in [schema(nothing.clone()), schema(object(nothing.clone()))] {
            assert!(refusal(&schema).contains("cannot be enforced"), "{schema:?}: {}", refusal(&schema));
        }
    }
}

/// Schemas as generators write them, with what can be written of each, and what cannot.
#[test]
fn what_can_be_said_in_other_words_is_enforced() {
    let object = |schema: Value| json!({ "type": "object", "properties": { "a": schema }, "required": ["a"], "additionalProperties": false });
    let cases = [
        // Zod, of `z.cuid()`, `z.string().startsWith('ab')` and `z.base64()`.
        (
            json!({ "type": "string", "format": "cuid", "pattern": "^[cC][0-9a-z]{6,}$" }),
            r#""c123456""#,
            r#""d123456""#,
        ),
        (json!({ "type": "string", "format": "starts_with", "pattern": "^ab.*" }), r#""abc""#, r#""bc""#),
        (
            json!({ "type": "string", "format": "base64", "contentEncoding": "base64",
                "pattern": "^$|^(?:[0-9a-zA-Z+/]{4})*(?:(?:[0-9a-zA-Z+/]{2}==)|(?:[0-9a-zA-Z+/]{3}=))?$" }),
            r#""aGk=""#,
            r#""aGk""#,
        ),
        (json!({ "type": "string", "format": "password", "maxLength": 2 }), r#""ab""#, r#""abc""#),
        // Of `z.record`, with names of any kind, listed, optional, and by a pattern.
        (
            json!({ "type": "object", "propertyNames": { "type": "string" }, "additionalProperties": { "type": "number" } }),
            r#"{"x": 1}"#,
            r#"{"x": "1"}"#,
        ),
        (
            json!({ "type": "object", "propertyNames": { "type": "string", "enum": ["a", "b"] }, "additionalProperties": { "type": "number" }, "required": ["a", "b"] }),
            r#"{"a": 1, "b": 2}"#,
            r#"{"a": 1}"#,
        ),
        (
            json!({ "type": "object", "propertyNames": { "enum": ["a", "b", 3] }, "additionalProperties": { "type": "number" } }),
            r#"{"b": 2}"#,
            r#"{"c": 1}"#,
        ),
        (json!({ "propertyNames": { "const": "a" }, "properties": { "b": true } }), r#"{"a": null}"#, r#"{"b": 1}"#),
        (
            json!({ "type": "object", "propertyNames": { "type": "string", "pattern": "^x" }, "additionalProperties": { "type": "boolean" } }),
            r#"{"xy": true}"#,
            r#"{"yx": true}"#,
        ),
        (
            json!({ "type": "object", "propertyNames": { "minLength": 2, "maxLength": 3 } }),
            r#"{"ü😀": 1}"#,
            r#"{"abcd": 1}"#,
        ),
        (json!({ "type": "object", "propertyNames": { "maxLength": 1 } }), r#"{"": 1}"#, r#"{"ab": 1}"#),
        // What allows nothing, and what forbids nothing.
        (json!({ "type": "array", "items": { "not": {} } }), "[]", "[1]"),
        (object(json!({ "anyOf": [{ "not": true }, { "const": 1 }] })), r#"{"a": 1}"#, r#"{"a": 2}"#),
        (json!({ "type": "object", "additionalProperties": { "not": {} } }), "{}", r#"{"a": 1}"#),
        (json!({ "type": "array", "uniqueItems": false, "unevaluatedItems": true, "maxItems": 1 }), "[1]", "[1, 1]"),
        (
            json!({ "type": "object", "dependentRequired": {}, "dependentSchemas": {}, "then": false, "not": false, "maxProperties": 0 }),
            "{}",
            r#"{"a": 1}"#,
        ),
        (
            json!({ "type": "object", "properties": { "a": { "const": 1 } }, "unevaluatedProperties": false }),
            r#"{"a": 1}"#,
            r#"{"b": 1}"#,
        ),
        (json!({ "prefixItems": [{ "const": 1 }], "unevaluatedItems": false }), "[1]", "[1, 2]"),
        (json!({ "items": [{ "const": 1 }], "unevaluatedItems": false }), "[1]", "[1, 2]"),
        // Types that are not, lists too short to repeat anything, and addresses that begin with the schema's own, as TypeBox has them.
        (json!({ "not": { "type": "null" }, "maxLength": 1 }), r#""a""#, "null"),
        (json!({ "type": ["integer", "null"], "not": { "type": ["null", "string"] } }), "1", "null"),
        (json!({ "type": ["integer", "null"], "not": { "type": ["number", "string"] } }), "null", "1"),
        (json!({ "type": "array", "uniqueItems": true, "maxItems": 1 }), "[1]", "[1, 1]"),
        (
            json!({ "$id": "T0", "type": "object", "properties": { "next": { "$ref": "T0" } }, "additionalProperties": false }),
            r#"{"next": {"next": {}}}"#,
            r#"{"next": 1}"#,
        ),
        (
            json!({ "$id": "https://example.org/a.json", "$ref": "https://example.org/a.json#/$defs/b", "$defs": { "b": { "const": 1 } } }),
            "1",
            "2",
        ),
        // Bounds of a `float` and of 64 bits.
        (json!({ "type": "number", "minimum": -3.402_823_466_385_289e38, "maximum": 1.7e308 }), "-12.5", "true"),
        (json!({ "type": "integer", "minimum": 0, "maximum": 18_446_744_073_709_551_615_u64 }), "12", "-1"),
        (json!({ "type": "number", "exclusiveMinimum": -1e300, "maximum": 3 }), "3", "4"),
        // Lists of which only the length matters.
        (json!({ "type": "array", "contains": { "const": 1 }, "minContains": 0, "maxItems": 1 }), "[2]", "[1, 1]"),
        (json!({ "type": "array", "contains": true, "maxItems": 2 }), "[2]", "[]"),
        (
            json!({ "type": "array", "contains": {}, "minContains": 2, "maxContains": 3, "minItems": 1 }),
            "[1, 2]",
            "[1]",
        ),
        (json!({ "type": "array", "contains": {}, "maxContains": 2.0, "maxItems": 4 }), "[1, 2]", "[1, 2, 3]"),
        (
            json!({ "$schema": "http://json-schema.org/draft-07/schema#", "type": "array", "contains": true, "minContains": 0 }),
            "[1]",
            "[]",
        ),
        (
            json!({ "$schema": "http://json-schema.org/draft-04/schema#", "type": "array", "contains": false, "maxItems": 1 }),
            "[]",
            "[1, 1]",
        ),
        // Addresses with escapes, one within what another leads to.
        (
            json!({
                "$ref": "#/definitions/Page%3CUser%3E",
                "definitions": {
                    "Page<User>": object(json!({ "anyOf": [{ "$ref": "#/definitions/Page%3CUser%3E" }, { "$ref": "#/definitions/a~1b~0%20c" }] })),
                    "a/b~ c": { "const": 7 },
                },
            }),
            r#"{"a": {"a": 7}}"#,
            r#"{"a": {"a": 8}}"#,
        ),
    ];
    for (schema, right, wrong) in cases {
        let format = Format::JsonSchema(schema.clone());
        let constrain = || demo().vocabulary.constrain(&format).unwrap_or_else(|error| panic!("{schema}: {error}"));
        assert!(takes(demo(), &mut constrain(), right).unwrap(), "{schema} refuses {right}");
        assert!(!takes(demo(), &mut constrain(), wrong).unwrap(), "{schema} takes {wrong}");
    }
}

/// Whatever is asked for, it is either told at once that it is too much, or an answer can be begun.
#[test]
fn what_takes_too_much_work_is_refused() {
    let deep = (0..60).fold(json!({ "type": "null" }), |inner, _| json!({ "type": "array", "items": inner }));
    assert!(demo().vocabulary.constrain(&Format::JsonSchema(deep)).is_ok());
    for pattern in
        ["(a{1,1000}){1,1000}b{1,1000}".repeat(20), "(.*a.{20}|.*b.{30}){40}".repeat(10), "((a|b)*c){500}".into()]
    {
        if let Ok(mut constraint) = demo().vocabulary.constrain(&Format::regex(pattern.clone())) {
            assert!(!ids(constraint.mask().unwrap()).is_empty(), "{pattern}");
        }
    }
    let huge = json!({ "enum": (0..200_000).map(|i| format!("value {i}")).collect::<Vec<String>>() });
    let refused = demo().vocabulary.constrain(&Format::JsonSchema(huge)).err();
    println!("{refused:?}");
}

/// The grammar that `worker/tools/grammar.js` writes for tools in the manner of Hermes and Qwen.
fn calls(start: &str) -> Format {
    let lark = format!(
        "{start}\ncall: call_0 | call_1\ncall_0: \"{{\\\"name\\\": \\\"add\\\", \\\"arguments\\\": \" @args_0 \"}}\\n</tool_call>\"\n\
         call_1: \"{{\\\"name\\\": \\\"now\\\", \\\"arguments\\\": \" @args_1 \"}}\\n</tool_call>\"\n"
    );
    let numbers = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "required": ["a"], "additionalProperties": false });
    let none = json!({ "type": "object", "properties": {}, "additionalProperties": false });
    let parts = vec![("args_0".into(), Format::JsonSchema(numbers)), ("args_1".into(), Format::JsonSchema(none))];
    Format::Grammar { lark, parts }
}

#[test]
fn a_text_may_become_a_call() {
    let auto = calls(
        "start: TEXT | before \"\\n\" call (\"\\n<tool_call>\\n\" call)*\nbefore[lazy]: /(.|\\n)*<tool_call>/\n\
         TEXT: /(.|\\n)*/ & ~/(.|\\n)*<tool_call>(.|\\n)*/",
    );
    let cases = [
        ("", true),
        ("Just a text.\nWith < and <tool and {\"name\": 1}", true),
        ("<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 12}}\n</tool_call>", true),
        ("I add.\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>", true),
        (
            "<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\n</tool_call>\n<tool_call>\n{\"name\": \"now\", \"arguments\": {}}\n</tool_call>",
            true,
        ),
        ("<tool_call>\n{\"name\": \"add\", \"arguments\": {\"a\": \"1\"}}\n</tool_call>", false),
        ("<tool_call>\n{\"name\": \"sub\", \"arguments\": {\"a\": 1}}\n</tool_call>", false),
        ("<tool_call>\n{\"name\": \"add\", \"arguments\": {}}\n</tool_call>", false),
        ("<tool_call> no", false),
    ];
    for (text, is_allowed) in cases {
        let mut constraint = demo().vocabulary.constrain(&auto).unwrap();
        assert_eq!(takes(demo(), &mut constraint, text).unwrap(), is_allowed, "{text}");
    }
    let must = calls("start: \"<tool_call>\" \"\\n\" call");
    for text in drawn(&must, 20) {
        assert!(text.starts_with("<tool_call>\n{\"name\": \"") && text.ends_with("}\n</tool_call>"), "{text}");
    }
}

#[test]
fn a_part_that_cannot_be_enforced_is_named() {
    let Format::Grammar { lark, mut parts } = calls("start: call") else { unreachable!() };
    parts[1].1 = Format::JsonSchema(json!({ "type": "object", "propertyNames": { "not": { "const": "x" } } }));
    let sentence = refusal(&Format::Grammar { lark, parts });
    assert!(sentence.starts_with("args_1: ") && sentence.contains("propertyNames"), "{sentence}");
}

#[test]
fn formats_are_read_from_json() {
    let read = |value: Value| Format::from_json(&value.to_string());
    assert_eq!(read(json!({ "type": "json_object" })), Ok(Format::JsonObject));
    assert_eq!(read(json!({ "type": "regex", "pattern": "a" })), Ok(Format::regex("a")));
    assert_eq!(read(json!({ "type": "grammar", "grammar": "b" })), Ok(Format::lark("b")));
    let schema = json!({ "type": "json_schema", "schema": { "type": "null" } });
    assert_eq!(read(schema), Ok(Format::JsonSchema(json!({ "type": "null" }))));
    for bad in [json!({}), json!({ "type": "yaml" }), json!({ "type": "regex" }), json!([])] {
        assert!(read(bad).is_err());
    }
    assert!(Format::from_json("{").is_err());
}

#[test]
fn a_vocabulary_is_checked() {
    let (bytes, ends) = (b"ab".as_slice(), [1, 2].as_slice());
    assert_eq!(Vocabulary::new(bytes, ends, &[1]).unwrap().len(), 2);
    for (bytes, ends, stops) in
        [(bytes, [2, 1].as_slice(), [0].as_slice()), (bytes, &[1, 3], &[0]), (bytes, ends, &[2]), (bytes, &[], &[])]
    {
        assert!(Vocabulary::new(bytes, ends, stops).is_err(), "{ends:?} {stops:?}");
    }
    // A model without stop tokens ends with its grammar.
    let vocabulary = Vocabulary::new(bytes, ends, &[]).unwrap();
    let mut constraint = vocabulary.constrain(&Format::regex("ab")).unwrap();
    assert_eq!(ids(constraint.mask().unwrap()), [0]);
    assert!(!constraint.accept(0).unwrap());
    assert!(constraint.accept(1).unwrap());
    assert!(vocabulary.constrain(&Format::regex("c")).is_err(), "the vocabulary has no c");
}
