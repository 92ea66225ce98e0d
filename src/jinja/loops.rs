//! `for` loops and their `loop` variable.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::arguments::Args;
use super::ast::ForNode;
use super::meter::Meter;
use super::run::{Flow, Run, Scope};
use super::text::Writer;
use super::value::{Seq, Value};
use super::{Failure, Result};

/// The variable `loop`.
#[derive(Debug)]
pub struct Loop {
    pub seq: Rc<Seq>,
    /// Index of the current item plus one; 0 before the first.
    position: Cell<usize>,
    depth: usize,
    /// What `changed` was called with last.
    changed: RefCell<Option<Value>>,
    /// A recursive loop can be called.
    recursive: Option<(Rc<ForNode>, Rc<Scope>)>,
}

impl Loop {
    /// Of the current item, from 0.
    pub fn index(&self) -> usize {
        self.position.get().saturating_sub(1)
    }

    /// The items that did not come yet, which come no more then.
    pub fn rest(&self) -> Vec<Value> {
        let rest = self.seq.items[self.position.get()..].to_vec();
        self.position.set(self.seq.items.len());
        rest
    }
}

/// An attribute of `loop`.
pub fn attribute(_meter: &Rc<Meter>, state: &Loop, name: &str) -> Result<Option<Value>> {
    let (index, len) = (state.index(), state.seq.items.len());
    let number = |value: usize| Some(Value::Int(value as i128));
    Ok(match name {
        "index" => number(index + 1),
        "index0" => number(index),
        "revindex" => number(len.saturating_sub(index)),
        "revindex0" => number(len.saturating_sub(index + 1)),
        "first" => Some(Value::Bool(index == 0)),
        "last" => Some(Value::Bool(index + 1 >= len)),
        "length" => number(len),
        "depth" => number(state.depth + 1),
        "depth0" => number(state.depth),
        "previtem" => Some(match index.checked_sub(1).and_then(|i| state.seq.items.get(i)) {
            Some(item) => item.clone(),
            None => Value::undefined("there is no previous item"),
        }),
        "nextitem" => Some(match state.seq.items.get(index + 1) {
            Some(item) => item.clone(),
            None => Value::undefined("there is no next item"),
        }),
        _ => None,
    })
}

/// `loop.cycle(...)` and `loop.changed(...)`
pub fn method(meter: &Rc<Meter>, state: &Loop, name: &str, args: Args) -> Result<Value> {
    let values = args.only_positional(name)?;
    if name == "cycle" {
        if values.is_empty() {
            return Err(Failure::runtime("no items for cycling given"));
        }
        return Ok(values[state.index() % values.len()].clone());
    }
    let now = Value::tuple(meter, values)?;
    let same = match &*state.changed.borrow() {
        Some(before) => before.equals(&now, meter)?,
        None => false,
    };
    if !same {
        state.changed.replace(Some(now));
    }
    Ok(Value::Bool(!same))
}

impl Run<'_> {
    /// Runs a loop over `iterable`.
    pub fn for_loop(
        &self,
        node: &Rc<ForNode>,
        iterable: &Value,
        depth: usize,
        scope: &Rc<Scope>,
        out: &mut Writer,
    ) -> Result<Flow> {
        let mut items = iterable.items(&self.meter)?;
        if let Some(test) = &node.test {
            let mut kept = Vec::new();
            for item in items {
                let inner = Scope::new(&self.meter, scope)?;
                self.assign(&node.target, item.clone(), &inner)?;
                if self.eval(test, &inner)?.truth() {
                    kept.push(item);
                }
            }
            items = kept;
        }
        let recursive = node.recursive.then(|| {
            self.keep(scope);
            (Rc::clone(node), Rc::clone(scope))
        });
        let state = Rc::new(Loop {
            seq: Seq::new(&self.meter, items)?,
            position: Cell::new(0),
            depth,
            changed: RefCell::new(None),
            recursive,
        });
        if state.seq.items.is_empty() {
            return self.exec(&node.otherwise, &Scope::new(&self.meter, scope)?, out);
        }
        while let Some(item) = state.seq.items.get(state.position.get()) {
            state.position.set(state.position.get() + 1);
            let inner = Scope::new(&self.meter, scope)?;
            inner.set(&self.meter, self.symbols.loop_variable, Value::Loop(Rc::clone(&state)))?;
            self.assign(&node.target, item.clone(), &inner)?;
            if self.exec(&node.body, &inner, out)? == Flow::Break {
                break;
            }
        }
        Ok(Flow::Next)
    }

    /// `loop(items)` in a recursive loop.
    pub fn call_loop(&self, state: &Loop, args: Args) -> Result<Value> {
        let Some((node, scope)) = &state.recursive else {
            return Err(Failure::runtime("The loop must have the 'recursive' marker to be called recursively."));
        };
        let mut values = args.only_positional("loop")?;
        let (Some(iterable), true) = (values.pop(), values.is_empty()) else {
            return Err(Failure::runtime("loop() takes one iterable"));
        };
        let mut out = Writer::new(&self.meter);
        out.markup = self.autoescape.get();
        self.for_loop(node, &iterable, state.depth + 1, scope, &mut out)?;
        Ok(Value::Str(out.finish()?))
    }
}
