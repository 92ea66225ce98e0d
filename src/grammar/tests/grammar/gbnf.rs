//! Grammars in GBNF, compared with a matcher that knows nothing of terminals: it derives texts character by character, as the notation
//! means it.

use std::collections::{BTreeSet, HashMap};

use bitnet_grammar::Format;
use oorandom::Rand64;

use crate::support::{demo, takes};

const SEED: u128 = 20_261_130;

/// The kinds of grammars that llama.cpp publishes, and what is hard for an implementation that cuts texts into terminals.
const GRAMMARS: [(&str, &str); 21] = [
    (
        "json",
        r#"
root   ::= object
value  ::= object | array | string | number | ("true" | "false" | "null") ws

object ::=
  "{" ws (
            string ":" ws value
    ("," ws string ":" ws value)*
  )? "}" ws

array  ::=
  "[" ws (
            value
    ("," ws value)*
  )? "]" ws

string ::=
  "\"" (
    [^"\\\x7F\x00-\x1F] |
    "\\" (["\\bfnrt] | "u" [0-9a-fA-F]{4}) # escapes
  )* "\"" ws

number ::= ("-"? ([0-9] | [1-9] [0-9]{0,15})) ("." [0-9]+)? ([eE] [-+]? [0-9] [1-9]{0,15})? ws

# Optional space: by convention, applied in this grammar after literal chars when allowed
ws ::= | " " | "\n" [ \t]{0,20}
"#,
    ),
    (
        "json with recursive space",
        "root ::= ws value\nvalue ::= (\"[\" ws (value (\",\" ws value)*)? \"]\" | [0-9]+ | \"\\\"\" [^\"]* \"\\\"\") ws\nws ::= ([ \\t\\n] ws)?\n",
    ),
    (
        "arithmetic",
        "root  ::= (expr \"=\" ws term \"\\n\")+\nexpr  ::= term ([-+*/] term)*\nterm  ::= ident | num | \"(\" ws expr \")\" ws\n\
         ident ::= [a-z] [a-z0-9_]* ws\nnum   ::= [0-9]+ ws\nws    ::= [ \\t\\n]*\n",
    ),
    (
        "list",
        "root ::= item+\n\n# Excludes various line break characters\nitem ::= \"- \" [^\\r\\n\\x0b\\x0c\\x85\\u2028\\u2029]+ \"\\n\"\n",
    ),
    (
        "chess",
        "root ::= \"1. \" move \" \" move \"\\n\" ([1-9] [0-9]? \". \" move \" \" move \"\\n\")+\nmove ::= (pawn | nonpawn | castle) [+#]?\n\
         nonpawn ::= [NBKQR] [a-h]? [1-8]? \"x\"? [a-h] [1-8]\npawn ::= ([a-h] \"x\")? [a-h] [1-8] (\"=\" [NBKQR])?\ncastle ::= \"O-O\" \"-O\"?\n",
    ),
    (
        "japanese",
        "root ::= jp-char+ ([ \\t\\n] jp-char+)*\njp-char ::= hiragana | katakana | punctuation | cjk\nhiragana ::= [ぁ-ゟ]\n\
         katakana ::= [ァ-ヿ]\npunctuation ::= [、-〾]\ncjk ::= [一-鿿]\n",
    ),
    (
        "english",
        "root ::= en-char+ ([ \\t\\n] en-char+)*\nen-char ::= letter | digit | punctuation\nletter ::= [a-zA-Z]\ndigit ::= [0-9]\npunctuation ::= [!\"#$%&'()*+,-./:;<=>?@[\\\\\\]^_`{|}~]\n",
    ),
    (
        "c",
        r#"
root ::= (declaration)*
declaration ::= dataType identifier "(" parameter? ")" "{" statement* "}"
dataType ::= "int" ws | "float" ws | "char" ws
identifier ::= [a-zA-Z_] [a-zA-Z_0-9]*
parameter ::= dataType identifier
statement ::=
    ( dataType identifier ws "=" ws expression ";" ) |
    ( identifier ws "=" ws expression ";" ) |
    ( identifier ws "(" argList? ")" ";" ) |
    ( "return" ws expression ";" ) |
    ( "while" "(" condition ")" "{" statement* "}" ) |
    ( "if" "(" condition ")" "{" statement* "}" ("else" "{" statement* "}")? ) |
    ( singleLineComment ) |
    ( multiLineComment )
condition ::= expression relationOperator expression
relationOperator ::= ("<=" | "<" | "==" | "!=" | ">=" | ">")
expression ::= term (("+" | "-") term)*
term ::= factor(("*" | "/") factor)*
factor ::= identifier | number | unaryTerm | funcCall | parenExpression
unaryTerm ::= "-" factor
funcCall ::= identifier "(" argList? ")"
parenExpression ::= "(" ws expression ws ")"
argList ::= expression ("," ws expression)*
number ::= [0-9]+
singleLineComment ::= "//" [^\n]* "\n"
multiLineComment ::= "/*" ( [^*] | ("*" [^/]) )* "*/"
ws ::= ([ \t\n]+)
"#,
    ),
    // A terminal that takes all it can would refuse these.
    ("a keyword that begins another", "root ::= x \";\"\nx ::= (\"a\" | \"ab\") \"b\" | \"(\" x \")\"\n"),
    ("letters and words", "root ::= x\nx ::= ([a-z] | \"ab\" | \"abc\" [0-9])* | \"(\" x \")\"\n"),
    ("space around everything", "root ::= s x s\nx ::= s \"a\" s | s \"(\" s x s \")\" s\ns ::= [ \\n]*\n"),
    ("words in words", "root ::= x\nx ::= [a-z]+ [a-z] | [a-z]{2,3} x? \"1\"\n"),
    ("palindromes", "root ::= [ab]? | \"a\" root \"a\" | \"b\" root \"b\"\n"),
    ("as many of each", "root ::= \"\" | \"a\" root \"b\"\n"),
    ("comments in comments", "root ::= c\nc ::= \"/*\" ([^*/] | \"*\" [^/] | \"/\" [^*] | c)* \"*/\"\n"),
    ("repetitions of rules", "root ::= x{2,3} (\",\" x{2}){1,}\nx ::= [0-9] | \"<\" x{0,2} \">\"\n"),
    (
        "empty everywhere",
        "root ::= (a b c)* d\na ::= \"x\"?\nb ::= (\"y\" | )\nc ::= [z]{0,2}\nd ::= | \"(\" d \")\"\n",
    ),
    ("any character", "root ::= .{1,3} \"!\" | \"<\" root \">\" .?\n"),
    (
        "wide characters",
        "root ::= x\nx ::= [\\U0001F300-\\U0001FAFF\\u00e4]+ | \"\\x41\" [^a-z]{2} | \"\\U0001F980\" x\n",
    ),
    (
        "alternatives on lines of their own",
        "root ::= x\nx ::=\n \"a\" # one\n | \"b\" ( x\n | \"c\" ) # two\n\n | \"d\"\n",
    ),
    ("an empty set of more", "root ::= \"a\"{0} x{0} \"b\"{2}\nx ::= \"(\" x \")\" | \"x\"\n"),
];

/// Of the matcher, which is written for these tests alone.
#[derive(Debug, Clone)]
enum Node {
    One(Vec<(char, char)>, bool),
    All(Vec<Node>),
    Any(Vec<Node>),
    Times(Box<Node>, usize, usize),
    Name(String),
}

struct Reader {
    text: Vec<char>,
    at: usize,
}

impl Reader {
    fn peek(&self) -> char {
        self.text.get(self.at).copied().unwrap_or('\0')
    }

    fn skip(&mut self) {
        while self.peek().is_whitespace() || self.peek() == '#' {
            if self.peek() == '#' {
                while !matches!(self.peek(), '\n' | '\0') {
                    self.at += 1;
                }
            } else {
                self.at += 1;
            }
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.peek().is_ascii_alphanumeric() || "-_".contains(self.peek()) {
            self.at += 1;
        }
        self.text[start..self.at].iter().collect()
    }

    /// Whether a rule begins here: a name and the sign.
    fn begins_rule(&self) -> bool {
        let rest: String = self.text[self.at..].iter().collect();
        let name = rest.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "-_".contains(c));
        name.len() < rest.len() && name.trim_start().starts_with("::=")
    }

    fn rules(mut self) -> HashMap<String, Node> {
        let mut rules = HashMap::new();
        self.skip();
        while self.at < self.text.len() {
            let name = self.word();
            self.skip();
            self.at += 3;
            let body = self.any();
            rules.insert(name, body);
            self.skip();
        }
        rules
    }

    fn any(&mut self) -> Node {
        let mut all = vec![self.all()];
        while self.peek() == '|' {
            self.at += 1;
            all.push(self.all());
        }
        Node::Any(all)
    }

    fn all(&mut self) -> Node {
        let mut all = Vec::new();
        loop {
            self.skip();
            match self.peek() {
                '"' => {
                    self.at += 1;
                    let mut word = Vec::new();
                    while self.peek() != '"' {
                        let c = self.character();
                        word.push(Node::One(vec![(c, c)], true));
                    }
                    self.at += 1;
                    all.push(Node::All(word));
                }
                '[' => {
                    self.at += 1;
                    let wants = self.peek() != '^';
                    self.at += usize::from(!wants);
                    let mut ranges = Vec::new();
                    while self.peek() != ']' {
                        let first = self.character();
                        let is_range = self.peek() == '-' && self.text[self.at + 1] != ']';
                        self.at += usize::from(is_range);
                        ranges.push((first, if is_range { self.character() } else { first }));
                    }
                    self.at += 1;
                    all.push(Node::One(ranges, wants));
                }
                '.' => {
                    self.at += 1;
                    all.push(Node::One(Vec::new(), false));
                }
                '(' => {
                    self.at += 1;
                    all.push(self.any());
                    self.at += 1;
                }
                '*' | '+' | '?' | '{' => {
                    let inner = all.pop().unwrap();
                    let sign = self.peek();
                    self.at += 1;
                    let (least, most) = match sign {
                        '*' => (0, usize::MAX),
                        '+' => (1, usize::MAX),
                        '?' => (0, 1),
                        _ => {
                            let end = self.text[self.at..].iter().position(|&c| c == '}').unwrap();
                            let counts: String = self.text[self.at..self.at + end].iter().collect();
                            self.at += end + 1;
                            match counts.split_once(',') {
                                None => (counts.parse().unwrap(), counts.parse().unwrap()),
                                Some((least, most)) => (least.parse().unwrap(), most.parse().unwrap_or(usize::MAX)),
                            }
                        }
                    };
                    all.push(Node::Times(Box::new(inner), least, most));
                }
                c if (c.is_ascii_alphanumeric() || "-_".contains(c)) && !self.begins_rule() => {
                    all.push(Node::Name(self.word()))
                }
                _ => return Node::All(all),
            }
        }
    }

    fn character(&mut self) -> char {
        let c = self.peek();
        self.at += 1;
        if c != '\\' {
            return c;
        }
        let sign = self.peek();
        self.at += 1;
        let digits = match sign {
            'x' => 2,
            'u' => 4,
            'U' => 8,
            'n' => return '\n',
            't' => return '\t',
            'r' => return '\r',
            other => return other,
        };
        let number: String = self.text[self.at..self.at + digits].iter().collect();
        self.at += digits;
        char::from_u32(u32::from_str_radix(&number, 16).unwrap()).unwrap()
    }
}

/// All places where a text that a node derives can end.
struct Ends<'a> {
    rules: &'a HashMap<String, Node>,
    text: Vec<char>,
    known: HashMap<(String, usize), BTreeSet<usize>>,
}

impl Ends<'_> {
    fn of(&mut self, node: &Node, start: usize) -> BTreeSet<usize> {
        match node {
            Node::One(ranges, wants) => {
                let found =
                    self.text.get(start).is_some_and(|c| ranges.iter().any(|(a, b)| (a..=b).contains(&c)) == *wants);
                found.then_some(start + 1).into_iter().collect()
            }
            Node::All(all) => all
                .iter()
                .fold([start].into(), |starts, node| starts.iter().flat_map(|&at| self.of(node, at)).collect()),
            Node::Any(all) => all.iter().flat_map(|node| self.of(node, start)).collect(),
            Node::Times(inner, least, most) => {
                let (mut ends, mut now, mut count) = (BTreeSet::new(), BTreeSet::from([start]), 0);
                let mut seen: BTreeSet<usize> = BTreeSet::new();
                while !now.is_empty() && count <= *most {
                    if count >= *least {
                        // Empty rounds could go on for ever.
                        if now.iter().all(|at| seen.contains(at)) {
                            break;
                        }
                        ends.extend(&now);
                        seen.extend(&now);
                    }
                    now = now.iter().flat_map(|&at| self.of(inner, at)).collect();
                    count += 1;
                }
                ends
            }
            Node::Name(name) => {
                let key = (name.clone(), start);
                if let Some(ends) = self.known.get(&key) {
                    return ends.clone();
                }
                let rules = self.rules;
                let ends = self.of(&rules[name], start);
                self.known.insert(key, ends.clone());
                ends
            }
        }
    }
}

fn matches(rules: &HashMap<String, Node>, text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let length = text.len();
    Ends { rules, text, known: HashMap::new() }.of(&rules["root"], 0).contains(&length)
}

/// A text of a grammar, or one that was begun and became too long.
fn derive(rules: &HashMap<String, Node>, node: &Node, depth: usize, random: &mut Rand64, out: &mut String) {
    let pick = |count: usize, random: &mut Rand64| random.rand_range(0..count as u64) as usize;
    match node {
        Node::One(ranges, true) => {
            let (first, last) = ranges[pick(ranges.len(), random)];
            out.extend(char::from_u32(first as u32 + pick(last as usize - first as usize + 1, random) as u32));
        }
        Node::One(ranges, false) => {
            let c = ['a', 'b', '1', ' ', '*', '/', '\n', 'é', '🦀', '"'][pick(10, random)];
            out.push(if ranges.iter().any(|(a, b)| (a..=b).contains(&&c)) { '~' } else { c });
        }
        Node::All(all) => all.iter().for_each(|node| derive(rules, node, depth, random, out)),
        Node::Any(all) => {
            // Deep down what does not lead deeper is preferred.
            let shallow: Vec<_> = all.iter().filter(|node| depth < 8 || !names(node)).collect();
            let from = if shallow.is_empty() { all.iter().collect() } else { shallow };
            derive(rules, from[pick(from.len(), random)], depth, random, out);
        }
        Node::Times(inner, least, most) => {
            let more = if depth < 8 { 3.min(most - least) } else { 0 };
            for _ in 0..least + pick(more + 1, random) {
                derive(rules, inner, depth, random, out);
            }
        }
        Node::Name(name) if depth < 12 => derive(rules, &rules[name], depth + 1, random, out),
        Node::Name(_) => out.push('?'),
    }
}

fn names(node: &Node) -> bool {
    match node {
        Node::One(..) => false,
        Node::All(all) | Node::Any(all) => all.iter().any(names),
        Node::Times(inner, ..) => names(inner),
        Node::Name(_) => true,
    }
}

/// Something else: a character is left out, doubled, exchanged, or the rest is.
fn changed(text: &str, random: &mut Rand64) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let at = random.rand_range(0..chars.len() as u64 + 1) as usize;
    match random.rand_range(0..4) {
        0 if at < chars.len() => drop(chars.remove(at)),
        1 if at < chars.len() => chars.insert(at, chars[at]),
        2 => chars.truncate(at),
        _ => {
            let mut alphabet: Vec<char> = "ab1( )\"\n*/".chars().collect();
            alphabet.extend(&chars);
            chars.insert(at, alphabet[random.rand_range(0..alphabet.len() as u64) as usize]);
        }
    }
    chars.into_iter().collect()
}

#[test]
fn texts_are_taken_exactly_if_the_grammar_derives_them_character_by_character() {
    for (name, grammar) in GRAMMARS {
        let format = Format::gbnf(grammar).unwrap_or_else(|error| panic!("{name}: {error}"));
        let rules = Reader { text: grammar.chars().collect(), at: 0 }.rules();
        let mut counts = [0, 0];
        for seed in 0..25 {
            let mut random = Rand64::new(SEED + seed);
            let mut text = String::new();
            derive(&rules, &rules["root"], 0, &mut random, &mut text);
            for step in 0..4 {
                if step > 0 {
                    text = changed(&text, &mut random);
                }
                if text.chars().count() > 400 {
                    continue;
                }
                let wants = matches(&rules, &text);
                counts[usize::from(wants)] += 1;
                let mut constraint =
                    demo().vocabulary.constrain(&format).unwrap_or_else(|error| panic!("{name}: {error}\n{format:?}"));
                let got =
                    takes(demo(), &mut constraint, &text).unwrap_or_else(|error| panic!("{name}: {text:?}: {error}"));
                assert_eq!(got, wants, "{name}, seed {}, {text:?}\n{format:?}", SEED + seed);
            }
        }
        assert!(counts.iter().all(|&count| count >= 5), "{name}: {counts:?} refused and taken");
    }
}

#[test]
fn the_notation_is_told_or_seen() {
    let read = |json: serde_json::Value| Format::from_json(&json.to_string());
    let gbnf = "# a comment\n\nroot ::= \"a\"+\n";
    let lark = "# a comment\nstart: \"a\"+\n";
    let typed =
        |syntax: &str, grammar: &str| serde_json::json!({ "type": "grammar", "syntax": syntax, "grammar": grammar });
    for json in [typed("gbnf", gbnf), serde_json::json!({ "type": "grammar", "grammar": gbnf })] {
        assert_eq!(read(json).unwrap(), Format::gbnf(gbnf).unwrap());
    }
    for json in [typed("lark", lark), serde_json::json!({ "type": "grammar", "grammar": lark })] {
        assert_eq!(read(json).unwrap(), Format::lark(lark));
    }
    let message = |json| read(json).unwrap_err().to_string();
    assert_eq!(
        message(typed("gbnf", lark)),
        "the GBNF grammar: line 2: expected '::=' behind the name of a rule, found ':'"
    );
    assert_eq!(message(typed("bnf", gbnf)), "responseFormat: expected the syntax 'lark' or 'gbnf', found 'bnf'");
}

#[test]
fn what_could_take_very_long_or_very_deep_is_refused_or_split() {
    let nested = format!("root ::= {}\"a\"{}", "(".repeat(90), ")*".repeat(90));
    let rules: String = (0..200).map(|i| format!("r{i} ::= (r{} | \"a\")* \"b\"\n", i + 1)).collect();
    let chain = format!("root ::= r0\n{rules}r200 ::= \"c\"\n");
    let doubling: String = (0..40).map(|i| format!("r{i} ::= r{} r{}\n", i + 1, i + 1)).collect();
    let doubling = format!("root ::= r0 | \"b\"\n{doubling}r40 ::= \"a\"\n");
    let empties = format!("root ::= {}", "\"a\"? ".repeat(500));
    let counted = format!("root ::= {}\"a\"?{}", "(".repeat(90), "){0,5}".repeat(90));
    for grammar in [nested, chain, doubling, empties, counted] {
        // Without a panic or an overflow, and within the test's time.
        let _ = Format::gbnf(&grammar).and_then(|format| demo().vocabulary.constrain(&format).map(drop));
    }
    let stars = format!("root ::= \"a\"{}", "*".repeat(100_000));
    assert!(Format::gbnf(&stars).unwrap_err().to_string().contains("repetitions of repetitions"));
}
