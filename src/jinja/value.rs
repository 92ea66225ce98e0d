//! Values as templates see them: Python's, as far as a sandboxed template can reach them. Lists and dictionaries cannot be
//! changed; namespaces, cyclers and joiners can.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::ast::MacroNode;
use super::loops::Loop;
use super::meter::{Held, Meter};
use super::run::Scope;
use super::text::{Char, Text, Writer};
use super::{Failure, Result};

/// How deep values may nest: they are compared, written and dropped recursively.
pub const MAX_NESTING: u16 = 100;

/// A value.
#[derive(Clone, Debug)]
pub enum Value {
    /// What is not there, and the sentence that says so where it is used.
    Undefined(Rc<str>),
    None,
    Bool(bool),
    Int(i128),
    Float(f64),
    Str(Rc<Text>),
    List(Rc<Seq>),
    Tuple(Rc<Seq>),
    Dict(Rc<Dict>),
    Range(Rc<Range>),
    /// `keys()`, `values()` or `items()` of a dictionary.
    View(View, Rc<Dict>),
    /// An iterator that can be read once, such as filters return.
    Stream(Rc<Stream>),
    Namespace(Rc<Namespace>),
    Cycler(Rc<Cycler>),
    Joiner(Rc<Joiner>),
    Loop(Rc<Loop>),
    Macro(Rc<Macro>),
    /// A global function.
    Function(&'static str),
    /// A method of a value.
    Method(Rc<(Value, &'static str)>),
}

/// Items of a list, a tuple or a stream.
#[derive(Debug)]
pub struct Seq {
    pub items: Vec<Value>,
    /// Whether it is a pair of `groupby`, whose items have the names `grouper` and `list`.
    pub group: bool,
    depth: u16,
    _held: Held,
}

/// A dictionary, in the order of insertion.
#[derive(Debug)]
pub struct Dict {
    pub entries: Vec<(Value, Value)>,
    depth: u16,
    _held: Held,
}

/// Python's `range`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Range {
    pub start: i128,
    pub stop: i128,
    pub step: i128,
    pub len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum View {
    Keys,
    Values,
    Items,
}

/// An iterator: what was not read yet.
#[derive(Debug)]
pub struct Stream {
    pub seq: Rc<Seq>,
    pub next: Cell<usize>,
}

/// What `namespace()` makes.
#[derive(Debug)]
pub struct Namespace {
    pub entries: RefCell<Vec<(String, Value)>>,
}

/// What `cycler()` makes.
#[derive(Debug)]
pub struct Cycler {
    pub seq: Rc<Seq>,
    pub at: Cell<usize>,
}

/// What `joiner()` makes.
#[derive(Debug)]
pub struct Joiner {
    pub separator: Value,
    pub used: Cell<bool>,
}

/// A macro and the scope that it sees.
#[derive(Debug)]
pub struct Macro {
    pub node: Rc<MacroNode>,
    pub scope: Rc<Scope>,
}

impl Range {
    pub fn get(&self, index: usize) -> Value {
        Value::Int(self.start.saturating_add(self.step.saturating_mul(index as i128)))
    }
}

impl Seq {
    pub fn new(meter: &Rc<Meter>, items: Vec<Value>) -> Result<Rc<Self>> {
        Self::build(meter, items, false)
    }

    pub fn build(meter: &Rc<Meter>, items: Vec<Value>, group: bool) -> Result<Rc<Self>> {
        meter.spend(1 + items.len() as u64 / 4)?;
        let depth = deeper(items.iter())?;
        let held = meter.hold(items.capacity() * size_of::<Value>() + 64)?;
        Ok(Rc::new(Self { items, group, depth, _held: held }))
    }
}

impl Dict {
    /// A dictionary of pairs; of equal keys the last value counts.
    pub fn new(meter: &Rc<Meter>, pairs: Vec<(Value, Value)>) -> Result<Rc<Self>> {
        let mut entries: Vec<(Value, Value)> = Vec::with_capacity(pairs.len());
        for (key, value) in pairs {
            key.check_hashable()?;
            match position(meter, &entries, &key)? {
                Some(at) => entries[at].1 = value,
                None => entries.push((key, value)),
            }
        }
        let depth = deeper(entries.iter().flat_map(|(k, v)| [k, v]))?;
        let held = meter.hold(entries.capacity() * size_of::<(Value, Value)>() + 64)?;
        Ok(Rc::new(Self { entries, depth, _held: held }))
    }

    pub fn get(&self, meter: &Meter, key: &Value) -> Result<Option<&Value>> {
        Ok(position(meter, &self.entries, key)?.map(|at| &self.entries[at].1))
    }

    /// By a name of the template.
    pub fn get_str(&self, meter: &Meter, key: &str) -> Result<Option<&Value>> {
        meter.spend(1 + self.entries.len() as u64 / 8)?;
        let found = self.entries.iter().find(|(k, _)| matches!(k, Value::Str(k) if super::text::is(&k.chars, key)));
        Ok(found.map(|(_, value)| value))
    }
}

fn position(meter: &Meter, entries: &[(Value, Value)], key: &Value) -> Result<Option<usize>> {
    meter.spend(1 + entries.len() as u64 / 8)?;
    for (at, (found, _)) in entries.iter().enumerate() {
        let equal = match (found, key) {
            (Value::Str(a), Value::Str(b)) => a.chars.len() == b.chars.len() && a.chars == b.chars,
            (Value::Str(_), _) | (_, Value::Str(_)) => false,
            (a, b) => a.equals(b, meter)?,
        };
        if equal {
            meter.spend_chars(if let Value::Str(text) = key { text.chars.len() } else { 0 })?;
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// The depth of a container of `items`.
fn deeper<'a>(items: impl Iterator<Item = &'a Value>) -> Result<u16> {
    let depth = 1 + items.map(Value::depth).max().unwrap_or(0);
    if depth > MAX_NESTING {
        return Err(Failure::limit(format!("it nests values deeper than {MAX_NESTING} levels")));
    }
    Ok(depth)
}

impl Value {
    pub fn undefined(sentence: impl AsRef<str>) -> Self {
        Self::Undefined(Rc::from(sentence.as_ref()))
    }

    pub fn str(meter: &Rc<Meter>, text: &str) -> Result<Self> {
        let mut out = Writer::new(meter);
        out.str(text)?;
        Ok(Self::Str(out.finish()?))
    }

    /// A copy of characters.
    pub fn chars(meter: &Rc<Meter>, chars: &[Char]) -> Result<Self> {
        let mut out = Writer::new(meter);
        out.extend(chars)?;
        Ok(Self::Str(out.finish()?))
    }

    pub fn list(meter: &Rc<Meter>, items: Vec<Value>) -> Result<Self> {
        Ok(Self::List(Seq::new(meter, items)?))
    }

    pub fn tuple(meter: &Rc<Meter>, items: Vec<Value>) -> Result<Self> {
        Ok(Self::Tuple(Seq::new(meter, items)?))
    }

    pub fn stream(meter: &Rc<Meter>, items: Vec<Value>) -> Result<Self> {
        Ok(Self::Stream(Rc::new(Stream { seq: Seq::new(meter, items)?, next: Cell::new(0) })))
    }

    /// Python's name of the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Undefined(_) => "Undefined",
            Self::None => "NoneType",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float",
            Self::Str(text) if text.markup => "Markup",
            Self::Str(_) => "str",
            Self::List(_) => "list",
            Self::Tuple(_) => "tuple",
            Self::Dict(_) => "dict",
            Self::Range(_) => "range",
            Self::View(View::Keys, _) => "dict_keys",
            Self::View(View::Values, _) => "dict_values",
            Self::View(View::Items, _) => "dict_items",
            Self::Stream(_) => "generator",
            Self::Namespace(_) => "TemplateNamespace",
            Self::Cycler(_) => "Cycler",
            Self::Joiner(_) => "Joiner",
            Self::Loop(_) => "LoopContext",
            Self::Macro(_) => "Macro",
            Self::Function(_) => "function",
            Self::Method(_) => "builtin_function_or_method",
        }
    }

    fn depth(&self) -> u16 {
        match self {
            Self::List(seq) | Self::Tuple(seq) => seq.depth,
            Self::Dict(dict) | Self::View(_, dict) => dict.depth,
            Self::Stream(stream) => stream.seq.depth,
            Self::Cycler(cycler) => cycler.seq.depth,
            Self::Loop(state) => state.seq.depth,
            Self::Joiner(joiner) => 1 + joiner.separator.depth(),
            Self::Method(method) => 1 + method.0.depth(),
            _ => 0,
        }
    }

    /// Python's `bool(value)`.
    pub fn truth(&self) -> bool {
        match self {
            Self::Undefined(_) | Self::None => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Str(text) => !text.chars.is_empty(),
            Self::List(seq) | Self::Tuple(seq) => !seq.items.is_empty(),
            Self::Dict(dict) | Self::View(_, dict) => !dict.entries.is_empty(),
            Self::Range(range) => range.len > 0,
            Self::Loop(state) => !state.seq.items.is_empty(),
            _ => true,
        }
    }

    /// An error where something undefined is used.
    pub fn check_defined(&self) -> Result<()> {
        match self {
            Self::Undefined(sentence) => Err(Failure::runtime(&**sentence)),
            _ => Ok(()),
        }
    }

    fn check_hashable(&self) -> Result<()> {
        match self {
            Self::List(_) | Self::Dict(_) | Self::View(..) => {
                Err(Failure::runtime(format!("unhashable type: '{}'", self.type_name())))
            }
            Self::Tuple(seq) => seq.items.iter().try_for_each(Self::check_hashable),
            _ => Ok(()),
        }
    }

    /// Python's `len(value)`.
    pub fn len(&self) -> Result<usize> {
        Ok(match self {
            Self::Undefined(_) => 0,
            Self::Str(text) => text.chars.len(),
            Self::List(seq) | Self::Tuple(seq) => seq.items.len(),
            Self::Dict(dict) | Self::View(_, dict) => dict.entries.len(),
            Self::Range(range) => range.len,
            Self::Loop(state) => state.seq.items.len(),
            _ => return Err(Failure::runtime(format!("object of type '{}' has no len()", self.type_name()))),
        })
    }

    pub fn is_iterable(&self) -> bool {
        matches!(
            self,
            Self::Undefined(_)
                | Self::Str(_)
                | Self::List(_)
                | Self::Tuple(_)
                | Self::Dict(_)
                | Self::Range(_)
                | Self::View(..)
                | Self::Stream(_)
                | Self::Loop(_)
        )
    }

    /// Python's `list(value)`; a stream is read to its end.
    pub fn items(&self, meter: &Rc<Meter>) -> Result<Vec<Value>> {
        let room = |len: usize| {
            meter.spend(1 + len as u64 / 2)?;
            meter.check_room(len.saturating_mul(size_of::<Value>()))
        };
        Ok(match self {
            Self::Undefined(_) => Vec::new(),
            Self::Str(text) => {
                room(text.chars.len().saturating_mul(4))?;
                let one = |c: &Char| Self::chars(meter, std::slice::from_ref(c));
                text.chars.iter().map(one).collect::<Result<_>>()?
            }
            Self::List(seq) | Self::Tuple(seq) => {
                room(seq.items.len())?;
                seq.items.clone()
            }
            Self::Dict(dict) | Self::View(View::Keys, dict) => {
                room(dict.entries.len())?;
                dict.entries.iter().map(|(key, _)| key.clone()).collect()
            }
            Self::View(View::Values, dict) => {
                room(dict.entries.len())?;
                dict.entries.iter().map(|(_, value)| value.clone()).collect()
            }
            Self::View(View::Items, dict) => {
                room(dict.entries.len().saturating_mul(4))?;
                let pair = |(k, v): &(Value, Value)| Self::tuple(meter, vec![k.clone(), v.clone()]);
                dict.entries.iter().map(pair).collect::<Result<_>>()?
            }
            Self::Range(range) => {
                room(range.len)?;
                (0..range.len).map(|i| range.get(i)).collect()
            }
            Self::Stream(stream) => {
                let left = &stream.seq.items[stream.next.get()..];
                room(left.len())?;
                stream.next.set(stream.seq.items.len());
                left.to_vec()
            }
            Self::Loop(state) => state.rest(),
            _ => return Err(Failure::runtime(format!("'{}' object is not iterable", self.type_name()))),
        })
    }

    /// The integer that it is: whole numbers and booleans are.
    pub fn index(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(*value),
            Self::Bool(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}
