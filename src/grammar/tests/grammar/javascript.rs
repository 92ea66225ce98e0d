//! Regular expressions mean what they mean in JavaScript, as another implementation of ECMA-262 has it.

use bitnet_grammar::Format;
use oorandom::Rand64;
use regress::Regex;
use serde_json::json;

use crate::support::{demo, draw, takes};

const SEED: u128 = 20_261_151;

/// Whether JavaScript's expression matches the text from its start to its end.
fn matches(pattern: &str, flags: &str, text: &str) -> bool {
    let regex = Regex::with_flags(&format!("^(?:{pattern})$"), flags);
    let regex = regex.unwrap_or_else(|error| panic!("/{pattern}/{flags}: {error}"));
    if flags.contains(['u', 'v']) {
        return regex.find(text).is_some();
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    regex.find_from_ucs2(&units, 0).next().is_some()
}

fn format(pattern: &str, flags: Option<&str>) -> Format {
    Format::Regex { pattern: pattern.into(), flags: flags.map(str::to_owned), without: Vec::new() }
}

/// The flags with which JavaScript reads an expression that comes without.
fn meant<'a>(pattern: &str, flags: Option<&'a str>) -> &'a str {
    flags.unwrap_or_else(|| if Regex::with_flags(pattern, "u").is_ok() { "u" } else { "" })
}

/// Texts of one character and of several, among them those in which notations differ.
const TEXTS: [&str; 66] = [
    "",
    "a",
    "A",
    "b",
    "z",
    "Z",
    "k",
    "K",
    "\u{212a}",
    "s",
    "\u{17f}",
    "ß",
    "ẞ",
    "é",
    "É",
    "_",
    "0",
    "9",
    "٣",
    " ",
    "\t",
    "\n",
    "\r",
    "\u{b}",
    "\u{c}",
    "\u{85}",
    "\u{a0}",
    "\u{feff}",
    "\u{2028}",
    "\u{2029}",
    "\u{180e}",
    "\u{3000}",
    "\u{0}",
    "\u{7}",
    "-",
    "&",
    "~",
    "[",
    "]",
    "{",
    "}",
    "^",
    "$",
    "/",
    "\\",
    ".",
    ",",
    "😀",
    "😀😀",
    "a😀",
    "ab",
    "aa",
    "aaa",
    "aab",
    "a&",
    "a-",
    "a{,2}",
    "a{",
    "{}",
    "a\nb",
    "a\u{2028}b",
    "abc",
    "ba",
    "p{L}",
    "u{61}",
    "東京",
];

const PATTERNS: [(&str, Option<&str>); 84] = [
    (".", None),
    (".", Some("")),
    (".", Some("s")),
    (".", Some("u")),
    (".", Some("su")),
    (".*", None),
    (".*", Some("")),
    (".+b", Some("")),
    (".{2}", None),
    (".{2}", Some("")),
    (".{1,2}", Some("")),
    (".{2,}", Some("")),
    ("(?:.|a)*", Some("")),
    ("(.)*", Some("")),
    ("(?:.|ab){1,2}", Some("")),
    (r"\s", None),
    (r"\S", None),
    (r"\s", Some("")),
    (r"\S", Some("")),
    (r"[\s\S]", None),
    (r"[^\S]", None),
    (r"\S*", Some("")),
    (r"\d", None),
    (r"\D", None),
    (r"\w", None),
    (r"\W", None),
    (r"[\w-]", None),
    (r"[\w-.]", None),
    (r"[\W_]", None),
    (r"[^\d\s]", Some("")),
    (r"[a&&b]", None),
    ("[+--b]", None),
    ("[a~~b]", None),
    ("[[a]", None),
    ("[a[b]", None),
    ("[[]]", Some("")),
    ("[]", None),
    ("[^]", None),
    ("[]a]", Some("")),
    ("[^]a", None),
    (r"a{,2}", None),
    ("a{", None),
    ("{}", None),
    ("a{2}", None),
    ("a{2}?", None),
    ("a{1,}?b?", None),
    ("]", None),
    (r"\{", None),
    (r"\a", None),
    (r"\z", None),
    (r"\A", None),
    (r"\_", None),
    (r"\-", None),
    (r"\/", None),
    ("/", None),
    (r"\x61", None),
    (r"\x{61}", Some("")),
    (r"\u0061", None),
    (r"\u{61}", None),
    (r"\ud83d\ude00", None),
    (r"\p{L}", None),
    (r"\p{L}", Some("")),
    (r"\P{L}", None),
    (r"\p{Script=Greek}", None),
    (r"\0", None),
    (r"\cJ", None),
    (r"[\b]", None),
    ("(?i:a)b", None),
    (r"[\w--[a-z]]", Some("v")),
    (r"[\w&&[a-c]]", Some("v")),
    (r"[[a-c][x-z]]", Some("v")),
    (r"[^\d]", Some("v")),
    (r"[\q{a|b}]", Some("v")),
    ("^a$|^ab$", None),
    ("(?:^a|ab)(?:b|$)", None),
    ("(?<stop>a)b", None),
    ("😀+", None),
    ("[😀a]", None),
    ("^(?=.*[a-z])(?!.*b$).{2,}$", None),
    ("(?=a)[ab]+", None),
    ("(?!a)(?!.*z).", None),
    ("^(?!(?:a|ab)$)[ab]*(?<!aa)(?<=b)$", None),
    ("^(?:(?!..$).*)$", Some("")),
    ("(?!.).*", Some("u")),
];

#[test]
fn an_expression_takes_what_javascript_takes() {
    let mut taken = 0;
    for (pattern, flags) in PATTERNS {
        let read_with = meant(pattern, flags);
        for text in TEXTS {
            let is_match = matches(pattern, read_with, text);
            let constraint = demo().vocabulary.constrain(&format(pattern, flags));
            let takes = match constraint {
                Ok(mut constraint) => takes(demo(), &mut constraint, text).unwrap(),
                Err(error) => {
                    assert!(error.to_string().contains("no text satisfies it"), "/{pattern}/{flags:?}: {error}");
                    false
                }
            };
            // Characters of two units are left out where they can be counted.
            let is_left_out = !read_with.contains(['u', 'v']) && text.contains('😀') && !takes;
            assert!(
                takes == is_match || is_left_out,
                "/{pattern}/{flags:?} {text:?}: {takes}, in JavaScript {is_match}"
            );
            taken += usize::from(takes);
        }
    }
    assert!(taken > 500, "{taken} texts are taken");
    // Two units where both may repeat.
    for pattern in [".*", "(.)*", "(?:.|a)*", r"[^\n]+"] {
        let mut constraint = demo().vocabulary.constrain(&format(pattern, Some(""))).unwrap();
        assert!(takes(demo(), &mut constraint, "a😀").unwrap(), "{pattern}");
    }
}

/// As V8 has it, which knows these better than the other implementation.
#[test]
fn where_case_does_not_count_it_is_javascripts() {
    let texts = "aAbzkK\u{212a}s\u{17f}ßẞéÉ1";
    for (pattern, flags, expected) in [
        (r"k", "i", "kK"),
        (r"k", "iu", "kK\u{212a}"),
        (r"s", "i", "s"),
        (r"s", "iu", "s\u{17f}"),
        (r"ß", "i", "ß"),
        (r"ß", "iu", "ßẞ"),
        (r"É", "i", "éÉ"),
        (r"[^k]", "i", "aAbz\u{212a}s\u{17f}ßẞéÉ1"),
        (r"[^k]", "iu", "aAbzs\u{17f}ßẞéÉ1"),
        (r"\w", "iu", "aAbzkK\u{212a}s\u{17f}1"),
        (r"\W", "iu", "ßẞéÉ"),
        (r"[a-z]", "i", "aAbzkKs"),
        (r"\p{Lu}", "iu", "aAbzkK\u{212a}s\u{17f}ßẞéÉ"),
        (r"\P{Lu}", "iu", "aAbzkK\u{212a}s\u{17f}ßẞéÉ1"),
        (r"\P{Lu}", "iv", "1"),
        (r"[^\P{Lu}]", "iv", "aAbzkK\u{212a}s\u{17f}ßẞéÉ"),
    ] {
        let takes = |c: &char| {
            let mut constraint = demo().vocabulary.constrain(&format(pattern, Some(flags))).unwrap();
            takes(demo(), &mut constraint, &c.to_string()).unwrap()
        };
        assert_eq!(texts.chars().filter(takes).collect::<String>(), expected, "/{pattern}/{flags}");
    }
}

/// An expression of random parts, of which each means something else in another notation.
fn expression(random: &mut Rand64, depth: usize) -> String {
    const PARTS: [&str; 24] = [
        ".", r"\s", r"\S", r"\w", r"\W", r"\D", "[^a]", "[a&&b]", r"[\s\S]", r"[^\w]", "[--/]", r"\u2028", "a", "ß",
        "K", "]", "{,2}", "é", r"\x41", r"\cI", "[[]", "(?:)", "-", r"\/",
    ];
    let mut pattern = String::new();
    for _ in 0..1 + random.rand_range(0..3) {
        if depth > 0 && random.rand_float() < 0.3 {
            let (a, b) = (expression(random, depth - 1), expression(random, depth - 1));
            pattern.push_str(&format!("(?:{a}|{b})"));
        } else {
            pattern.push_str(PARTS[random.rand_range(0..PARTS.len() as u64) as usize]);
        }
        pattern.push_str(["", "", "", "?", "*", "+", "{1,2}", "{2}", "{1,}"][random.rand_range(0..9) as usize]);
    }
    pattern
}

#[test]
fn what_is_written_matches_in_javascript() {
    let mut drawn = 0;
    for seed in SEED..SEED + 300 {
        let mut random = Rand64::new(seed);
        let pattern = expression(&mut random, 2);
        let flags = ["", "i", "s", "u", "iu", "v", "isu"][random.rand_range(0..7) as usize];
        if Regex::with_flags(&pattern, flags).is_err() {
            continue;
        }
        let Ok(mut constraint) = demo().vocabulary.constrain(&format(&pattern, Some(flags))) else { continue };
        if let Some(text) = draw(demo(), &mut constraint, &mut random, 60).unwrap() {
            let text = String::from_utf8(text).unwrap();
            assert!(matches(&pattern, flags, &text), "seed {seed}: /{pattern}/{flags} {text:?}");
            drawn += 1;
        }
    }
    assert!(drawn > 100, "{drawn} texts were drawn");
}

#[test]
fn patterns_of_schemas_are_found_as_in_javascript() {
    let cases = [
        ("a", "bab", true),
        ("^a", "ab", true),
        ("^a", "ba", false),
        ("a$", "ba", true),
        ("^(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{2,}$", "xY1", true),
        ("^(?=.*[A-Z])(?=.*[0-9])[A-Za-z0-9]{2,}$", "xy1", false),
        ("^(?=ab)", "abc", true),
        ("(?<=b)$", "ab", true),
        ("(?<=b)$", "ba", false),
        ("^a|b$", "xb", true),
        ("^a|b$", "ax", true),
        ("^a|b$", "xax", false),
        ("(^|,)a", "x,ab", true),
        ("(^|,)a", "xa", false),
        ("(^a)?b", "xb", true),
        ("(^a)?$", "x", true),
        ("", "x", true),
        ("^", "x", true),
        ("$", "x", true),
        ("^$", "", true),
        ("^$", "x", false),
        ("^.$", "\u{2028}", false),
        (r"^\s$", "\u{feff}", true),
        (r"^\S$", "\u{feff}", false),
        ("^[a&&b]$", "&", true),
        ("^😀{2}$", "😀😀", true),
        (r"^\p{Lu}$", "É", true),
        (r"^[\w-.]$", "-", true),
        ("a/b", "a/b", true),
    ];
    for (pattern, text, is_found) in cases {
        let read_with = meant(pattern, None);
        assert_eq!(Regex::with_flags(pattern, read_with).unwrap().find(text).is_some(), is_found, "/{pattern}/ {text}");
        let schemas = [
            (json!({ "type": "string", "pattern": pattern }), json!(text)),
            (
                json!({ "type": "object", "patternProperties": { pattern: { "const": 1 } }, "additionalProperties": false }),
                json!({ text: 1 }),
            ),
        ];
        for (schema, value) in schemas {
            if schema["type"] == "object" && (pattern.contains("(?=") || pattern.contains("(?<=")) {
                continue; // cannot be enforced there
            }
            let constraint = demo().vocabulary.constrain(&Format::JsonSchema(schema.clone()));
            let mut constraint = constraint.unwrap_or_else(|error| panic!("{schema}: {error}"));
            assert_eq!(takes(demo(), &mut constraint, &value.to_string()).unwrap(), is_found, "{schema} {value}");
        }
    }
}

/// As Zod writes them, which look around.
#[test]
fn formats_with_patterns_satisfy_both() {
    let duration = r"^P(?:(\d+W)|(?!.*W)(?=\d|T\d)(\d+Y)?(\d+M)?(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+([.,]\d+)?S)?)?)$";
    let hostname = r"^(?=.{1,253}\.?$)[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[-0-9a-zA-Z]{0,61}[0-9a-zA-Z])?)*\.?$";
    for (format, pattern) in [("duration", duration), ("hostname", hostname)] {
        let schema = Format::JsonSchema(json!({ "type": "string", "format": format, "pattern": pattern }));
        let regex = Regex::with_flags(pattern, "u").unwrap();
        for seed in SEED..SEED + 60 {
            let mut constraint = demo().vocabulary.constrain(&schema).unwrap();
            if let Some(text) = draw(demo(), &mut constraint, &mut Rand64::new(seed), 200).unwrap() {
                let text: String = serde_json::from_slice(&text).unwrap();
                assert!(regex.find(&text).is_some(), "seed {seed}: {format} {text:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_enforced_of_an_expression_says_where() {
    let cases = [
        ("a(?=b)b", "ends of a text"),
        (r"\bword\b", "boundaries"),
        (r"(a)\1", "back-references"),
        (r"(?<x>a)\k<x>", "back-references"),
        ("a^b", "ends of a text"),
        ("a$b", "ends of a text"),
        ("(?:^a)+", "repeated"),
        ("a)", "character 2"),
        ("(a", "no )"),
        ("[a", "no ]"),
        ("a**", "nothing to repeat"),
        ("*", "nothing to repeat"),
        ("a{2,1}", "out of order"),
        ("[b-a]", "out of order"),
        (r"\ud83d", "surrogates"),
        (r"\p{Nonsense}", "Nonsense"),
        (r"a\", "behind a \\"),
        ("(?<1", "group"),
        ("(?P<x>a)", "kind"),
        ("(?x)a", "kind"),
    ];
    for (pattern, words) in cases {
        let error = demo()
            .vocabulary
            .constrain(&Format::regex(pattern))
            .err()
            .unwrap_or_else(|| panic!("/{pattern}/ is taken"));
        assert!(error.to_string().contains(words), "/{pattern}/: {error}");
        let schema = Format::JsonSchema(json!({ "properties": { "a": { "pattern": pattern } } }));
        let error = demo().vocabulary.constrain(&schema).err().unwrap_or_else(|| panic!("{schema:?} is taken"));
        assert!(
            error.to_string().contains("#/properties/a") && error.to_string().contains(words),
            "/{pattern}/: {error}"
        );
    }
    for (pattern, flags) in [("[😀]", ""), ("😀+", ""), (r"[\ud83d\ude00]", "i")] {
        let error = demo().vocabulary.constrain(&format(pattern, Some(flags))).err().unwrap();
        assert!(error.to_string().contains("needs the flag u"), "/{pattern}/: {error}");
    }
    let deep = format!("{}a{}", "(".repeat(5000), ")".repeat(5000));
    assert!(demo().vocabulary.constrain(&Format::regex(deep)).is_err());
}
