//! Running a template: statements write text, expressions have values.
//!
//! One file, although long: every node of the tree has its arm here, and the arms call each other.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use super::arguments::Args;
use super::ast::{Arguments, Comparison, Expr, ExprKind, MacroNode, Name, Stmt, Target};
use super::meter::{Held, Meter};
use super::text::{Text, Writer};
use super::value::{Dict, Macro, Namespace, Value};
use super::{Clock, Failure, FailureKind, Result, access, operators, show};

/// Variables, and the scope around them.
#[derive(Debug)]
pub struct Scope {
    variables: RefCell<Vec<(Name, Value)>>,
    parent: Option<Rc<Scope>>,
    kept: Cell<bool>,
    held: RefCell<Held>,
}

impl Scope {
    pub fn root(meter: &Rc<Meter>) -> Result<Rc<Self>> {
        Self::build(meter, None)
    }

    pub fn new(meter: &Rc<Meter>, parent: &Rc<Self>) -> Result<Rc<Self>> {
        Self::build(meter, Some(Rc::clone(parent)))
    }

    fn build(meter: &Rc<Meter>, parent: Option<Rc<Self>>) -> Result<Rc<Self>> {
        let held = RefCell::new(meter.hold(256)?);
        Ok(Rc::new(Self { variables: RefCell::default(), parent, kept: Cell::new(false), held }))
    }

    /// The value of a variable here or around.
    fn get(&self, name: Name) -> Option<Value> {
        let mut scope = self;
        loop {
            if let Some((_, value)) = scope.variables.borrow().iter().find(|(known, _)| *known == name) {
                return Some(value.clone());
            }
            scope = scope.parent.as_ref()?;
        }
    }

    /// Sets a variable of this scope.
    pub fn set(&self, meter: &Meter, name: Name, value: Value) -> Result<()> {
        let mut variables = self.variables.borrow_mut();
        meter.spend(1 + variables.len() as u64 / 8)?;
        match variables.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => {
                variables.push((name, value));
                self.held.borrow_mut().grow(size_of::<(Name, Value)>())?;
            }
        }
        Ok(())
    }
}

/// What comes after a statement.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flow {
    Next,
    Break,
    Continue,
}

/// Names with a meaning of their own, by their number in the template.
#[derive(Debug)]
pub struct Symbols {
    pub loop_variable: Name,
    pub caller: Name,
    pub varargs: Name,
    pub kwargs: Name,
}

/// One rendering.
pub struct Run<'t> {
    pub meter: Rc<Meter>,
    pub names: &'t [String],
    pub symbols: Symbols,
    pub root: Rc<Scope>,
    pub clock: Option<Clock<'t>>,
    pub autoescape: Cell<bool>,
    /// What may hold itself: taken apart at the end.
    namespaces: RefCell<Vec<Rc<Namespace>>>,
    scopes: RefCell<Vec<Rc<Scope>>>,
}

/// The global functions.
const FUNCTIONS: [&str; 7] = ["range", "dict", "namespace", "cycler", "joiner", "raise_exception", "strftime_now"];

impl<'t> Run<'t> {
    pub fn new(meter: Rc<Meter>, names: &'t [String], clock: Option<Clock<'t>>) -> Result<Self> {
        let symbol = |name: &str| names.iter().position(|known| known == name).map_or(Name::MAX, |at| at as Name);
        let symbols = Symbols {
            loop_variable: symbol("loop"),
            caller: symbol("caller"),
            varargs: symbol("varargs"),
            kwargs: symbol("kwargs"),
        };
        Ok(Self {
            root: Scope::root(&meter)?,
            meter,
            names,
            symbols,
            clock,
            autoescape: Cell::new(false),
            namespaces: RefCell::default(),
            scopes: RefCell::default(),
        })
    }

    /// Sets a variable of the template, if it has one of that name.
    pub fn set_variable(&self, name: &str, value: Value) -> Result<()> {
        match self.names.iter().position(|known| known == name) {
            Some(at) => self.root.set(&self.meter, at as Name, value),
            None => Ok(()),
        }
    }

    /// Remembers a scope that a value holds: the two may hold each other.
    pub fn keep(&self, scope: &Rc<Scope>) {
        let mut scope = Some(scope);
        while let Some(found) = scope
            && !found.kept.replace(true)
        {
            self.scopes.borrow_mut().push(Rc::clone(found));
            scope = found.parent.as_ref();
        }
    }

    pub fn new_namespace(&self, entries: Vec<(String, Value)>) -> Value {
        let namespace = Rc::new(Namespace { entries: RefCell::new(entries) });
        self.namespaces.borrow_mut().push(Rc::clone(&namespace));
        Value::Namespace(namespace)
    }

    fn variable(&self, name: Name, scope: &Scope) -> Result<Value> {
        if let Some(value) = scope.get(name) {
            return Ok(value);
        }
        let name = self.names.get(name as usize).map_or("", String::as_str);
        Ok(match FUNCTIONS.iter().find(|known| **known == name) {
            Some(&"strftime_now") if self.clock.is_none() => Value::undefined("'strftime_now' is undefined"),
            Some(function) => Value::Function(function),
            None => Value::undefined(format!("'{name}' is undefined")),
        })
    }

    /// Runs statements.
    pub fn exec(&self, body: &[Stmt], scope: &Rc<Scope>, out: &mut Writer) -> Result<Flow> {
        self.meter.enter()?;
        let mut flow = Flow::Next;
        for statement in body {
            self.meter.spend(1)?;
            flow = self.statement(statement, scope, out)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.meter.leave();
        Ok(flow)
    }

    fn statement(&self, statement: &Stmt, scope: &Rc<Scope>, out: &mut Writer) -> Result<Flow> {
        match statement {
            Stmt::Text(chars) => out.extend(chars)?,
            Stmt::Output(expr) => self.output(expr, scope, out)?,
            Stmt::If(branches, otherwise) => {
                for (test, body) in branches {
                    if self.eval(test, scope)?.truth() {
                        return self.exec(body, scope, out);
                    }
                }
                return self.exec(otherwise, scope, out);
            }
            Stmt::For(node) => {
                let iterable = self.eval(&node.iter, scope)?;
                self.for_loop(node, &iterable, 0, scope, out)?;
            }
            Stmt::Set(target, value) => {
                let value = self.eval(value, scope)?;
                self.assign(target, value, scope)?;
            }
            Stmt::SetBlock(target, filter, body) => {
                let text = self.captured(body, &Scope::new(&self.meter, scope)?)?;
                let value = match filter {
                    Some(filter) => self.filtered(filter, &text, scope)?,
                    None => text,
                };
                self.assign(target, value, scope)?;
            }
            Stmt::Macro(node) => {
                let value = self.new_macro(node, scope);
                scope.set(&self.meter, node.symbol, value)?;
            }
            Stmt::Call(call, node) => {
                let caller = self.new_macro(node, scope);
                let value = self.call_expr(call, scope, Some(caller))?;
                self.write_value(&value, out)?;
            }
            Stmt::Filter(filter, body) => {
                let text = self.captured(body, &Scope::new(&self.meter, scope)?)?;
                let value = self.filtered(filter, &text, scope)?;
                self.write_value(&value, out)?;
            }
            Stmt::With(pairs, body) => {
                let inner = Scope::new(&self.meter, scope)?;
                for (target, value) in pairs {
                    let value = self.eval(value, scope)?;
                    self.assign(target, value, &inner)?;
                }
                return self.exec(body, &inner, out);
            }
            Stmt::Block(body, scoped) => {
                let inner = Scope::new(&self.meter, if *scoped { scope } else { &self.root })?;
                self.exec(body, &inner, out)?;
            }
            Stmt::Autoescape(on, body) => {
                let on = self.eval(on, scope)?.truth();
                let before = self.autoescape.replace(on);
                let flow = self.exec(body, &Scope::new(&self.meter, scope)?, out)?;
                self.autoescape.set(before);
                return Ok(flow);
            }
            Stmt::Generation(body) => {
                self.exec(body, &Scope::new(&self.meter, scope)?, out)?;
            }
            Stmt::Break => return Ok(Flow::Break),
            Stmt::Continue => return Ok(Flow::Continue),
            Stmt::NoLoader(tag) => {
                return Err(Failure::runtime(format!("'{tag}' needs another template, and there is none")));
            }
        }
        Ok(Flow::Next)
    }

    fn output(&self, expr: &Expr, scope: &Rc<Scope>, out: &mut Writer) -> Result<()> {
        let value = self.eval(expr, scope)?;
        self.write_value(&value, out)
    }

    fn write_value(&self, value: &Value, out: &mut Writer) -> Result<()> {
        match value {
            Value::Str(text) if text.markup => out.extend(&text.chars),
            _ if self.autoescape.get() => {
                let text = show::to_text(&self.meter, value)?;
                show::escape(&text.chars, out)
            }
            _ => show::write(value, out),
        }
    }

    /// What a body writes, as a value.
    fn captured(&self, body: &[Stmt], scope: &Rc<Scope>) -> Result<Value> {
        let mut out = Writer::new(&self.meter);
        out.markup = self.autoescape.get();
        self.exec(body, scope, &mut out)?;
        Ok(Value::Str(out.finish()?))
    }

    /// The filters of a block, from the innermost one.
    fn filtered(&self, filter: &Expr, text: &Value, scope: &Rc<Scope>) -> Result<Value> {
        let ExprKind::Filter(parts) = &filter.kind else { return Ok(text.clone()) };
        let value = match &parts.0 {
            Some(inner) => self.filtered(inner, text, scope)?,
            None => text.clone(),
        };
        let args = self.arguments(&parts.2, scope)?;
        self.filter(&parts.1, value, args)
    }

    pub fn assign(&self, target: &Target, value: Value, scope: &Rc<Scope>) -> Result<()> {
        match target {
            Target::Name(name) => scope.set(&self.meter, *name, value),
            Target::Tuple(targets) => {
                let items = value.items(&self.meter)?;
                if items.len() != targets.len() {
                    let few = if items.len() < targets.len() { "not enough" } else { "too many" };
                    return Err(Failure::runtime(format!("{few} values to unpack (expected {})", targets.len())));
                }
                targets.iter().zip(items).try_for_each(|(target, item)| self.assign(target, item, scope))
            }
            Target::Attr(name, attribute) => {
                let Value::Namespace(namespace) = self.variable(*name, scope)? else {
                    return Err(Failure::runtime("cannot assign attribute on non-namespace object"));
                };
                check_name(attribute)?;
                let mut entries = namespace.entries.borrow_mut();
                self.meter.spend(1 + entries.len() as u64 / 8)?;
                let old = match entries.iter_mut().find(|(known, _)| **known == **attribute) {
                    Some((_, old)) => Some(std::mem::replace(old, value)),
                    None => {
                        entries.push((attribute.to_string(), value));
                        None
                    }
                };
                drop(entries);
                drop(old);
                Ok(())
            }
        }
    }

    /// The value of an expression.
    pub fn eval(&self, expr: &Expr, scope: &Rc<Scope>) -> Result<Value> {
        match &expr.kind {
            ExprKind::Const(value) => return Ok(value.clone()),
            ExprKind::Name(name) => {
                self.meter.spend(1)?;
                return self.variable(*name, scope);
            }
            _ => {}
        }
        self.meter.enter()?;
        let value = self.eval_inner(expr, scope).map_err(|mut failure| {
            if failure.line == 0 && failure.kind == FailureKind::Runtime {
                failure.line = expr.line;
            }
            failure
        })?;
        self.meter.leave();
        Ok(value)
    }

    fn eval_all(&self, exprs: &[Expr], scope: &Rc<Scope>) -> Result<Vec<Value>> {
        exprs.iter().map(|expr| self.eval(expr, scope)).collect()
    }

    fn eval_inner(&self, expr: &Expr, scope: &Rc<Scope>) -> Result<Value> {
        let meter = &self.meter;
        match &expr.kind {
            ExprKind::Const(value) => Ok(value.clone()),
            ExprKind::Name(name) => self.variable(*name, scope),
            ExprKind::Tuple(items) => Value::tuple(meter, self.eval_all(items, scope)?),
            ExprKind::List(items) => Value::list(meter, self.eval_all(items, scope)?),
            ExprKind::Dict(pairs) => {
                let pair = |(key, value): &(Expr, Expr)| Ok((self.eval(key, scope)?, self.eval(value, scope)?));
                Ok(Value::Dict(Dict::new(meter, pairs.iter().map(pair).collect::<Result<_>>()?)?))
            }
            ExprKind::Cond(parts) => {
                if self.eval(&parts.0, scope)?.truth() {
                    return self.eval(&parts.1, scope);
                }
                match &parts.2 {
                    Some(otherwise) => self.eval(otherwise, scope),
                    None => Ok(Value::undefined(
                        "the inline if-expression evaluated to false and no else section was defined.",
                    )),
                }
            }
            ExprKind::And(operands) => self.until(operands, false, scope),
            ExprKind::Or(operands) => self.until(operands, true, scope),
            ExprKind::Not(operand) => Ok(Value::Bool(!self.eval(operand, scope)?.truth())),
            ExprKind::Compare(first, rest) => self.compare(first, rest, scope),
            ExprKind::Arith(first, rest) => {
                let mut value = self.eval(first, scope)?;
                for (operator, operand) in rest {
                    value = operators::arithmetic(meter, *operator, &value, &self.eval(operand, scope)?)?;
                }
                Ok(value)
            }
            ExprKind::Concat(parts) => {
                let texts: Vec<Rc<Text>> =
                    parts.iter().map(|part| show::to_text(meter, &self.eval(part, scope)?)).collect::<Result<_>>()?;
                let texts: Vec<&Rc<Text>> = texts.iter().collect();
                if self.autoescape.get() {
                    operators::join(meter, &texts)
                } else {
                    operators::join_plain(meter, &texts)
                }
            }
            ExprKind::Negative(operand) => operators::sign(&self.eval(operand, scope)?, true),
            ExprKind::Positive(operand) => operators::sign(&self.eval(operand, scope)?, false),
            ExprKind::Attr(value, name) => access::attribute(meter, &self.eval(value, scope)?, name),
            ExprKind::Item(parts) => access::item(meter, &self.eval(&parts.0, scope)?, &self.eval(&parts.1, scope)?),
            ExprKind::Slice(parts) => {
                let value = self.eval(&parts.0, scope)?;
                let mut bounds = [None, None, None];
                for (bound, part) in bounds.iter_mut().zip(&parts.1) {
                    *bound = part.as_ref().map(|part| self.eval(part, scope)).transpose()?;
                }
                access::slice(meter, &value, bounds)
            }
            ExprKind::Call(_) => self.call_expr(expr, scope, None),
            ExprKind::Filter(parts) => {
                let value = match &parts.0 {
                    Some(value) => self.eval(value, scope)?,
                    None => Value::undefined("a filter without a value"),
                };
                let args = self.arguments(&parts.2, scope)?;
                self.filter(&parts.1, value, args)
            }
            ExprKind::Test(parts) => {
                let value = self.eval(&parts.0, scope)?;
                let args = self.arguments(&parts.2, scope)?;
                Ok(Value::Bool(self.test(&parts.1, &value, args)?))
            }
        }
    }

    /// The first operand whose truth is `end`, else the last.
    fn until(&self, operands: &[Expr], end: bool, scope: &Rc<Scope>) -> Result<Value> {
        let mut value = Value::None;
        for operand in operands {
            value = self.eval(operand, scope)?;
            if value.truth() == end {
                break;
            }
        }
        Ok(value)
    }

    fn compare(&self, first: &Expr, rest: &[(Comparison, Expr)], scope: &Rc<Scope>) -> Result<Value> {
        let mut left = self.eval(first, scope)?;
        for (comparison, operand) in rest {
            let right = self.eval(operand, scope)?;
            if !operators::compare(&self.meter, *comparison, &left, &right)? {
                return Ok(Value::Bool(false));
            }
            left = right;
        }
        Ok(Value::Bool(true))
    }

    fn arguments(&self, arguments: &Arguments, scope: &Rc<Scope>) -> Result<Args> {
        let mut positional = self.eval_all(&arguments.positional, scope)?;
        let mut named = Vec::with_capacity(arguments.named.len());
        for (name, value) in &arguments.named {
            named.push((Rc::clone(name), self.eval(value, scope)?));
        }
        if let Some(more) = &arguments.more {
            positional.extend(self.eval(more, scope)?.items(&self.meter)?);
        }
        if let Some(more) = &arguments.more_named {
            let value = self.eval(more, scope)?;
            value.check_defined()?;
            let Value::Dict(dict) = value else {
                return Err(Failure::runtime("the argument after ** must be a mapping"));
            };
            for (key, value) in &dict.entries {
                let Value::Str(key) = key else { return Err(Failure::runtime("keywords must be strings")) };
                named.push((Rc::from(key.text()), value.clone()));
            }
        }
        Ok(Args { positional, named })
    }

    /// A call, with the body of a `call` block if there is one.
    fn call_expr(&self, expr: &Expr, scope: &Rc<Scope>, caller: Option<Value>) -> Result<Value> {
        let ExprKind::Call(parts) = &expr.kind else { return Err(Failure::runtime("expected a call")) };
        let function = self.eval(&parts.0, scope)?;
        let mut args = self.arguments(&parts.1, scope)?;
        if let Some(caller) = caller {
            args.named.push((Rc::from("caller"), caller));
        }
        self.call(&function, args)
    }

    /// `function(args)`
    pub fn call(&self, function: &Value, args: Args) -> Result<Value> {
        self.meter.spend(1)?;
        function.check_defined()?;
        match function {
            Value::Macro(found) => self.call_macro(found, args),
            Value::Loop(state) => self.call_loop(state, args),
            Value::Function(name) => self.call_function(name, args),
            Value::Method(method) => self.call_method(&method.0, method.1, args),
            Value::Joiner(joiner) => {
                args.bind("joiner", &[])?;
                if joiner.used.replace(true) { Ok(joiner.separator.clone()) } else { Value::str(&self.meter, "") }
            }
            _ => Err(Failure::runtime(format!("'{}' object is not callable", function.type_name()))),
        }
    }

    fn new_macro(&self, node: &Rc<MacroNode>, scope: &Rc<Scope>) -> Value {
        self.keep(scope);
        Value::Macro(Rc::new(Macro { node: Rc::clone(node), scope: Rc::clone(scope) }))
    }

    fn call_macro(&self, found: &Macro, args: Args) -> Result<Value> {
        self.meter.enter()?;
        let node = &found.node;
        let meter = &self.meter;
        let scope = Scope::new(meter, &found.scope)?;
        let fail = |what: String| Err(Failure::runtime(format!("macro '{}' {what}", node.name)));
        let mut positional = args.positional.into_iter();
        let mut named = args.named;
        for (name, text, default) in &node.params {
            let by_name = named.iter().position(|(known, _)| known == text).map(|at| named.remove(at).1);
            let value = match (positional.next(), by_name) {
                (Some(_), Some(_)) => return fail(format!("got multiple values for argument '{text}'")),
                (Some(value), None) | (None, Some(value)) => value,
                (None, None) => match default {
                    Some(default) => self.eval(default, &scope)?,
                    None => Value::undefined(format!("parameter '{text}' was not provided")),
                },
            };
            scope.set(meter, *name, value)?;
        }
        let rest: Vec<Value> = positional.collect();
        if node.uses_varargs {
            scope.set(meter, self.symbols.varargs, Value::tuple(meter, rest)?)?;
        } else if !rest.is_empty() {
            return fail(format!("takes not more than {} argument(s)", node.params.len()));
        }
        if node.uses_caller && !node.params.iter().any(|(_, name, _)| &**name == "caller") {
            let caller = named.iter().position(|(name, _)| &**name == "caller").map(|at| named.remove(at).1);
            let caller = caller.unwrap_or_else(|| Value::undefined("No caller defined"));
            scope.set(meter, self.symbols.caller, caller)?;
        }
        if node.uses_kwargs {
            let pair = |(name, value): (Rc<str>, Value)| Ok((Value::str(meter, &name)?, value));
            let pairs = named.into_iter().map(pair).collect::<Result<_>>()?;
            scope.set(meter, self.symbols.kwargs, Value::Dict(Dict::new(meter, pairs)?))?;
        } else if let Some((name, _)) = named.first() {
            return fail(format!("takes no keyword argument '{name}'"));
        }
        let text = self.captured(&node.body, &scope)?;
        meter.leave();
        Ok(text)
    }
}

impl Drop for Run<'_> {
    /// Takes apart what may hold itself, one by one, so that nothing stays and nothing is dropped recursively.
    fn drop(&mut self) {
        for namespace in self.namespaces.borrow().iter() {
            drop(namespace.entries.take());
        }
        for scope in self.scopes.borrow().iter() {
            drop(scope.variables.take());
        }
        drop(self.root.variables.take());
    }
}

/// transformers keeps names with an underscore out of namespaces.
pub fn check_name(name: &str) -> Result<()> {
    if name.starts_with('_') {
        return Err(Failure::runtime(format!("a namespace cannot hold '{name}': its name begins with an underscore")));
    }
    Ok(())
}
