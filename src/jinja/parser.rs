//! Tokens to statements. One file, although long: a function for each statement of the grammar.

use std::rc::Rc;

use super::ast::{Arguments, Body, ExprKind, ForNode, MacroNode, Name, Param, Stmt, Target};
use super::lexer::{Spanned, Token, tokenize};
use super::text::Char;
use super::{Failure, Result};

/// How deep expressions and blocks may nest in the source.
const MAX_DEPTH: u32 = 60;

/// Reads tokens.
pub(super) struct Parser {
    tokens: Vec<Spanned>,
    at: usize,
    depth: u32,
    names: Vec<String>,
    /// Loops around the current statement, within the current macro.
    loops: u32,
    /// Names read in the macros around the current place, by depth.
    reads: Vec<Vec<Name>>,
    blocks: Vec<String>,
}

/// The statements of `source` and the names of its variables.
pub fn parse(source: &str) -> Result<(Body, Vec<String>)> {
    let tokens = tokenize(source)?;
    let mut parser =
        Parser { tokens, at: 0, depth: 0, names: Vec::new(), loops: 0, reads: vec![Vec::new()], blocks: Vec::new() };
    let body = parser.body(&[])?;
    Ok((body, parser.names))
}

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn look(&self) -> &Token {
        self.tokens.get(self.at + 1).map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn line(&self) -> u32 {
        self.tokens.get(self.at).or(self.tokens.last()).map_or(1, |&(_, line)| line)
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn fail<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Failure::syntax(self.line(), message))
    }

    pub(super) fn unexpected<T>(&self, expected: &str) -> Result<T> {
        let found = match self.peek() {
            Token::Name(name) => format!("'{name}'"),
            Token::Op(op) => format!("'{op}'"),
            Token::String(_) => "a string".to_owned(),
            Token::Int(_) | Token::Float(_) => "a number".to_owned(),
            Token::End => "the end of the template".to_owned(),
            Token::BlockEnd | Token::VariableEnd => "the end of the tag".to_owned(),
            _ => "text".to_owned(),
        };
        self.fail(format!("expected {expected}, found {found}"))
    }

    pub(super) fn is_op(&self, op: &str) -> bool {
        matches!(self.peek(), Token::Op(found) if *found == op)
    }

    pub(super) fn skip_op(&mut self, op: &str) -> bool {
        let is = self.is_op(op);
        self.at += usize::from(is);
        is
    }

    pub(super) fn expect_op(&mut self, op: &str) -> Result<()> {
        if self.skip_op(op) { Ok(()) } else { self.unexpected(&format!("'{op}'")) }
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(found) if found == name)
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let is = self.is_name(name);
        self.at += usize::from(is);
        is
    }

    pub(super) fn expect_name(&mut self) -> Result<String> {
        match self.next() {
            Token::Name(name) => Ok(name),
            _ => {
                self.at -= 1;
                self.unexpected("a name")
            }
        }
    }

    fn expect(&mut self, token: &Token, what: &str) -> Result<()> {
        if self.peek() != token {
            return self.unexpected(what);
        }
        self.at += 1;
        Ok(())
    }

    /// The number of a variable.
    pub(super) fn symbol(&mut self, name: &str) -> Name {
        let at = self.names.iter().position(|known| known == name).unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        });
        at as Name
    }

    /// The same for a variable that is read.
    pub(super) fn read(&mut self, name: &str) -> Name {
        let symbol = self.symbol(name);
        for reads in &mut self.reads {
            reads.push(symbol);
        }
        symbol
    }

    /// Runs `parse` one level deeper.
    pub(super) fn nested<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth >= MAX_DEPTH {
            return Err(Failure::limit(format!("its source nests deeper than {MAX_DEPTH} levels")));
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// Statements up to one of the tags `ends`, which stays to be read.
    fn body(&mut self, ends: &[&str]) -> Result<Body> {
        let mut body = Vec::new();
        loop {
            match self.next() {
                Token::Data(text) => body.push(Stmt::Text(text.chars().map(Char::from).collect())),
                Token::VariableBegin => {
                    body.push(Stmt::Output(self.tuple(true, &[])?));
                    self.expect(&Token::VariableEnd, "'}}'")?;
                }
                Token::BlockBegin => {
                    if let Token::Name(name) = self.peek()
                        && ends.contains(&name.as_str())
                    {
                        return Ok(body);
                    }
                    let statements = self.nested(Self::statement)?;
                    body.extend(statements);
                    self.expect(&Token::BlockEnd, "'%}'")?;
                }
                Token::End if ends.is_empty() => return Ok(body),
                _ => {
                    self.at -= 1;
                    return self.fail(format!("unexpected end of the template: {} is missing", ends.join(" or ")));
                }
            }
        }
    }

    /// The end of a tag, then statements up to one of the tags `ends`, whose name is skipped and given back.
    fn block(&mut self, ends: &[&str]) -> Result<(Body, String)> {
        self.skip_op(":");
        self.expect(&Token::BlockEnd, "'%}'")?;
        let body = self.body(ends)?;
        Ok((body, self.expect_name()?))
    }

    fn statement(&mut self) -> Result<Vec<Stmt>> {
        let line = self.line();
        let tag = self.expect_name()?;
        Ok(vec![match tag.as_str() {
            "for" => self.for_loop()?,
            "if" => self.branches()?,
            "set" => self.set()?,
            "macro" => self.macro_definition()?,
            "call" => self.call_block()?,
            "filter" => {
                let filter = self.filter_chain(None, true)?;
                Stmt::Filter(filter, self.block(&["endfilter"])?.0)
            }
            "with" => self.with()?,
            "block" => self.named_block()?,
            "autoescape" => {
                let on = self.expression()?;
                Stmt::Autoescape(on, self.block(&["endautoescape"])?.0)
            }
            "generation" => Stmt::Generation(self.block(&["endgeneration"])?.0),
            "print" => return self.print(),
            "break" | "continue" if self.loops == 0 => {
                return Err(Failure::syntax(line, format!("'{tag}' outside of a loop")));
            }
            "break" => Stmt::Break,
            "continue" => Stmt::Continue,
            "include" => self.no_loader("include"),
            "import" => self.no_loader("import"),
            "from" => self.no_loader("from"),
            "extends" => self.no_loader("extends"),
            _ => return Err(Failure::syntax(line, format!("encountered unknown tag '{tag}'"))),
        }])
    }

    fn no_loader(&mut self, tag: &'static str) -> Stmt {
        while !matches!(self.peek(), Token::BlockEnd | Token::End) {
            self.at += 1;
        }
        Stmt::NoLoader(tag)
    }

    fn print(&mut self) -> Result<Vec<Stmt>> {
        let mut outputs = Vec::new();
        while !matches!(self.peek(), Token::BlockEnd) {
            if !outputs.is_empty() {
                self.expect_op(",")?;
            }
            outputs.push(Stmt::Output(self.expression()?));
        }
        Ok(outputs)
    }

    fn for_loop(&mut self) -> Result<Stmt> {
        let target = self.target(&["in"], false)?;
        if !self.skip_name("in") {
            return self.unexpected("'in'");
        }
        let iter = self.tuple(false, &["recursive"])?;
        let test = if self.skip_name("if") { Some(self.expression()?) } else { None };
        let recursive = self.skip_name("recursive");
        self.loops += 1;
        let (body, end) = self.block(&["endfor", "else"])?;
        self.loops -= 1;
        let otherwise = if end == "else" { self.block(&["endfor"])?.0 } else { Vec::new() };
        Ok(Stmt::For(Rc::new(ForNode { target, iter, test, body, otherwise, recursive })))
    }

    fn branches(&mut self) -> Result<Stmt> {
        let mut branches = Vec::new();
        loop {
            let test = self.tuple(false, &[])?;
            let (body, end) = self.block(&["elif", "else", "endif"])?;
            branches.push((test, body));
            match end.as_str() {
                "elif" => {}
                "else" => return Ok(Stmt::If(branches, self.block(&["endif"])?.0)),
                _ => return Ok(Stmt::If(branches, Vec::new())),
            }
        }
    }

    fn set(&mut self) -> Result<Stmt> {
        let target = self.target(&[], true)?;
        if self.skip_op("=") {
            return Ok(Stmt::Set(target, self.tuple(true, &[])?));
        }
        let filter = if self.is_op("|") { Some(self.filter_chain(None, false)?) } else { None };
        Ok(Stmt::SetBlock(target, filter, self.block(&["endset"])?.0))
    }

    fn with(&mut self) -> Result<Stmt> {
        let mut pairs = Vec::new();
        while !matches!(self.peek(), Token::BlockEnd) {
            if !pairs.is_empty() {
                self.expect_op(",")?;
            }
            let target = self.target(&[], false)?;
            self.expect_op("=")?;
            pairs.push((target, self.expression()?));
        }
        Ok(Stmt::With(pairs, self.block(&["endwith"])?.0))
    }

    fn named_block(&mut self) -> Result<Stmt> {
        let name = self.expect_name()?;
        if self.blocks.contains(&name) {
            return self.fail(format!("block '{name}' defined twice"));
        }
        self.blocks.push(name.clone());
        let scoped = self.skip_name("scoped");
        let required = self.skip_name("required");
        let (body, _) = self.block(&["endblock"])?;
        if required {
            return self.fail(format!("required block '{name}' needs another template"));
        }
        self.skip_name(&name);
        Ok(Stmt::Block(body, scoped))
    }

    fn macro_definition(&mut self) -> Result<Stmt> {
        let name = self.expect_name()?;
        Ok(Stmt::Macro(Rc::new(self.signature_and_body(&name, "endmacro")?)))
    }

    fn call_block(&mut self) -> Result<Stmt> {
        let at = self.at;
        let has_params = self.is_op("(");
        if has_params {
            // The call comes after the parameters, but is no part of the body: it is read first.
            let mut open = 0;
            loop {
                match self.next() {
                    Token::Op("(") => open += 1,
                    Token::Op(")") => open -= 1,
                    Token::BlockEnd | Token::End => return self.unexpected("')'"),
                    _ => {}
                }
                if open == 0 {
                    break;
                }
            }
        }
        let call = self.expression()?;
        if !matches!(call.kind, ExprKind::Call(_)) {
            return self.fail("expected call");
        }
        let behind = self.at;
        self.at = at;
        let node = self.caller(has_params, behind)?;
        Ok(Stmt::Call(call, Rc::new(node)))
    }

    fn caller(&mut self, has_params: bool, behind: usize) -> Result<MacroNode> {
        let (loops, outer) = (std::mem::take(&mut self.loops), self.reads.len());
        self.reads.push(Vec::new());
        let params = if has_params { self.params()? } else { Vec::new() };
        self.at = behind;
        let (body, _) = self.block(&["endcall"])?;
        self.loops = loops;
        let reads = self.reads.split_off(outer).concat();
        Ok(self.macro_node("caller", params, body, &reads))
    }

    fn signature_and_body(&mut self, name: &str, end: &str) -> Result<MacroNode> {
        let (loops, outer) = (std::mem::take(&mut self.loops), self.reads.len());
        self.reads.push(Vec::new());
        let params = self.params()?;
        let (body, _) = self.block(&[end])?;
        self.loops = loops;
        let reads = self.reads.split_off(outer).concat();
        Ok(self.macro_node(name, params, body, &reads))
    }

    fn macro_node(&mut self, name: &str, params: Vec<Param>, body: Body, reads: &[Name]) -> MacroNode {
        let mut uses = |special: &str| {
            let symbol = self.symbol(special);
            reads.contains(&symbol) && !params.iter().any(|(param, ..)| *param == symbol)
        };
        MacroNode {
            uses_varargs: uses("varargs"),
            uses_kwargs: uses("kwargs"),
            uses_caller: uses("caller") || params.iter().any(|(_, name, _)| &**name == "caller"),
            name: Rc::from(name),
            symbol: self.symbol(name),
            params,
            body,
        }
    }

    fn params(&mut self) -> Result<Vec<Param>> {
        self.expect_op("(")?;
        let mut params: Vec<Param> = Vec::new();
        while !self.is_op(")") {
            if !params.is_empty() {
                self.expect_op(",")?;
            }
            let name = self.expect_name()?;
            let default = if self.skip_op("=") { Some(self.expression()?) } else { None };
            if default.is_none() && params.iter().any(|(_, _, default)| default.is_some()) {
                return self.fail("non-default argument follows default argument");
            }
            let symbol = self.symbol(&name);
            if params.iter().any(|(known, ..)| *known == symbol) {
                return self.fail(format!("the parameter '{name}' is named twice"));
            }
            params.push((symbol, Rc::from(name), default));
        }
        self.expect_op(")")?;
        Ok(params)
    }

    /// What can be assigned to; several with commas between them.
    fn target(&mut self, ends: &[&str], attributes: bool) -> Result<Target> {
        let mut targets = Vec::new();
        let mut is_tuple = false;
        loop {
            let ended = match self.peek() {
                Token::Name(name) => ends.contains(&name.as_str()),
                Token::Op(op) => matches!(*op, ")" | "="),
                _ => true,
            };
            if ended && !self.is_op("(") {
                break;
            }
            targets.push(self.nested(|parser| parser.single_target(attributes))?);
            if !self.skip_op(",") {
                break;
            }
            is_tuple = true;
        }
        match targets.pop() {
            Some(target) if !is_tuple => Ok(target),
            Some(target) => {
                targets.push(target);
                Ok(Target::Tuple(targets))
            }
            None => self.unexpected("a name to assign to"),
        }
    }

    fn single_target(&mut self, attributes: bool) -> Result<Target> {
        if self.skip_op("(") || self.skip_op("[") {
            let target = self.target(&[], attributes)?;
            if !self.skip_op(")") {
                self.expect_op("]")?;
            }
            return Ok(target);
        }
        let name = self.expect_name()?;
        if matches!(name.as_str(), "true" | "false" | "none" | "True" | "False" | "None") {
            return self.fail(format!("cannot assign to '{name}'"));
        }
        let symbol = self.symbol(&name);
        if attributes && self.skip_op(".") {
            let attribute = self.expect_name()?;
            return Ok(Target::Attr(symbol, Rc::from(attribute)));
        }
        Ok(Target::Name(symbol))
    }

    pub(super) fn arguments(&mut self) -> Result<Arguments> {
        self.expect_op("(")?;
        let mut found = Arguments::default();
        let mut first = true;
        while !self.is_op(")") {
            if !first {
                self.expect_op(",")?;
                if self.is_op(")") {
                    break;
                }
            }
            first = false;
            let may_follow = found.more_named.is_none();
            if may_follow && found.more.is_none() && self.skip_op("*") {
                found.more = Some(self.expression()?);
            } else if may_follow && self.skip_op("**") {
                found.more_named = Some(self.expression()?);
            } else if may_follow && matches!(self.peek(), Token::Name(_)) && *self.look() == Token::Op("=") {
                let name = self.expect_name()?;
                self.expect_op("=")?;
                if found.named.iter().any(|(known, _)| **known == *name) {
                    return self.fail(format!("keyword argument repeated: {name}"));
                }
                let value = self.expression()?;
                found.named.push((Rc::from(name), value));
            } else if may_follow && found.more.is_none() && found.named.is_empty() {
                let value = self.expression()?;
                found.positional.push(value);
            } else {
                return self.fail("invalid syntax for function call expression");
            }
        }
        self.expect_op(")")?;
        Ok(found)
    }
}
