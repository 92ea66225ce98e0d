//! Expressions, in jinja2's order of precedence. One file, although long: a function for each level, which calls the next.

use std::rc::Rc;

use super::ast::{Arguments, Comparison, Expr, ExprKind, Operator};
use super::lexer::Token;
use super::parser::Parser;
use super::text::Text;
use super::value::Value;
use super::{Failure, Result};

/// Levels of one expression.
const MAX_HEIGHT: u32 = 150;

/// The greatest height of `exprs`.
fn highest<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> u32 {
    exprs.into_iter().map(|expr| expr.height).max().unwrap_or(0)
}

impl Arguments {
    fn height(&self) -> u32 {
        let named = self.named.iter().map(|(_, value)| value);
        highest(self.positional.iter().chain(named).chain(&self.more).chain(&self.more_named))
    }
}

impl ExprKind {
    /// Of its parts.
    fn height(&self) -> u32 {
        match self {
            Self::Const(_) | Self::Name(_) => 0,
            Self::Tuple(items) | Self::List(items) | Self::And(items) | Self::Or(items) | Self::Concat(items) => {
                highest(items)
            }
            Self::Dict(pairs) => highest(pairs.iter().flat_map(|(key, value)| [key, value])),
            Self::Cond(parts) => highest([&parts.0, &parts.1].into_iter().chain(&parts.2)),
            Self::Not(value) | Self::Negative(value) | Self::Positive(value) | Self::Attr(value, _) => value.height,
            Self::Compare(first, rest) => highest(rest.iter().map(|(_, value)| value)).max(first.height),
            Self::Arith(first, rest) => highest(rest.iter().map(|(_, value)| value)).max(first.height),
            Self::Item(parts) => highest([&parts.0, &parts.1]),
            Self::Slice(parts) => highest(parts.1.iter().flatten()).max(parts.0.height),
            Self::Call(parts) => parts.1.height().max(parts.0.height),
            Self::Filter(parts) => parts.2.height().max(highest(&parts.0)),
            Self::Test(parts) => parts.2.height().max(parts.0.height),
        }
    }
}

impl Parser {
    /// An expression, or several with commas between them, which make a tuple.
    pub(super) fn tuple(&mut self, conditional: bool, ends: &[&str]) -> Result<Expr> {
        let line = self.line();
        let mut items = Vec::new();
        let mut is_tuple = false;
        loop {
            let ended = match self.peek() {
                Token::VariableEnd | Token::BlockEnd | Token::Op(")") => true,
                Token::Name(name) => ends.contains(&name.as_str()),
                _ => false,
            };
            if ended {
                break;
            }
            items.push(if conditional { self.expression()? } else { self.nested(Self::disjunction)? });
            if !self.skip_op(",") {
                break;
            }
            is_tuple = true;
        }
        match items.pop() {
            Some(item) if !is_tuple => Ok(item),
            Some(item) => {
                items.push(item);
                self.make(ExprKind::Tuple(items), line)
            }
            None => self.unexpected("an expression"),
        }
    }

    fn make(&self, kind: ExprKind, line: u32) -> Result<Expr> {
        let height = 1 + kind.height();
        if height > MAX_HEIGHT {
            return Err(Failure::limit(format!("it has an expression of more than {MAX_HEIGHT} levels")));
        }
        Ok(Expr { kind, line, height })
    }

    pub(super) fn expression(&mut self) -> Result<Expr> {
        self.nested(Self::conditional)
    }

    fn conditional(&mut self) -> Result<Expr> {
        let line = self.line();
        let mut value = self.disjunction()?;
        while self.skip_name("if") {
            let test = self.disjunction()?;
            let otherwise = if self.skip_name("else") { Some(self.expression()?) } else { None };
            value = self.make(ExprKind::Cond(Box::new((test, value, otherwise))), line)?;
        }
        Ok(value)
    }

    /// Operands with the same word between them.
    fn chain(
        &mut self,
        word: &str,
        operand: fn(&mut Self) -> Result<Expr>,
        make: fn(Vec<Expr>) -> ExprKind,
    ) -> Result<Expr> {
        let line = self.line();
        let first = operand(self)?;
        if !self.is_name(word) {
            return Ok(first);
        }
        let mut operands = vec![first];
        while self.skip_name(word) {
            operands.push(operand(self)?);
        }
        self.make(make(operands), line)
    }

    fn disjunction(&mut self) -> Result<Expr> {
        self.chain("or", Self::conjunction, ExprKind::Or)
    }

    fn conjunction(&mut self) -> Result<Expr> {
        self.chain("and", Self::negation, ExprKind::And)
    }

    fn negation(&mut self) -> Result<Expr> {
        let line = self.line();
        if self.skip_name("not") {
            let operand = self.nested(Self::negation)?;
            return self.make(ExprKind::Not(Box::new(operand)), line);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Expr> {
        let line = self.line();
        let first = self.sum()?;
        let mut rest = Vec::new();
        loop {
            let comparison = match self.peek() {
                Token::Op("==") => Comparison::Eq,
                Token::Op("!=") => Comparison::Ne,
                Token::Op("<") => Comparison::Lt,
                Token::Op("<=") => Comparison::Le,
                Token::Op(">") => Comparison::Gt,
                Token::Op(">=") => Comparison::Ge,
                Token::Name(name) if name == "in" => Comparison::In,
                Token::Name(name) if name == "not" && matches!(self.look(), Token::Name(next) if next == "in") => {
                    self.next();
                    Comparison::NotIn
                }
                _ => break,
            };
            self.next();
            rest.push((comparison, self.sum()?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        self.make(ExprKind::Compare(Box::new(first), rest), line)
    }

    fn arithmetic(&mut self, operand: fn(&mut Self) -> Result<Expr>, operators: &[(&str, Operator)]) -> Result<Expr> {
        let line = self.line();
        let first = operand(self)?;
        let mut rest = Vec::new();
        while let Some(&(_, operator)) = operators.iter().find(|(op, _)| self.is_op(op)) {
            self.next();
            rest.push((operator, operand(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        self.make(ExprKind::Arith(Box::new(first), rest), line)
    }

    fn sum(&mut self) -> Result<Expr> {
        self.arithmetic(Self::concatenation, &[("+", Operator::Add), ("-", Operator::Sub)])
    }

    fn concatenation(&mut self) -> Result<Expr> {
        let line = self.line();
        let first = self.product()?;
        if !self.is_op("~") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_op("~") {
            parts.push(self.product()?);
        }
        self.make(ExprKind::Concat(parts), line)
    }

    fn product(&mut self) -> Result<Expr> {
        let operators = [("*", Operator::Mul), ("/", Operator::Div), ("//", Operator::FloorDiv), ("%", Operator::Mod)];
        self.arithmetic(Self::power, &operators)
    }

    fn power(&mut self) -> Result<Expr> {
        self.arithmetic(|parser| parser.unary(true), &[("**", Operator::Pow)])
    }

    fn unary(&mut self, filters: bool) -> Result<Expr> {
        let line = self.line();
        let mut value = if self.skip_op("-") {
            let operand = self.nested(|parser| parser.unary(false))?;
            self.make(ExprKind::Negative(Box::new(operand)), line)?
        } else if self.skip_op("+") {
            let operand = self.nested(|parser| parser.unary(false))?;
            self.make(ExprKind::Positive(Box::new(operand)), line)?
        } else {
            self.primary()?
        };
        value = self.postfix(value)?;
        if filters {
            value = self.filters(value)?;
        }
        Ok(value)
    }

    fn primary(&mut self) -> Result<Expr> {
        let line = self.line();
        let kind = match self.peek().clone() {
            Token::Name(name) => {
                self.next();
                match name.as_str() {
                    "true" | "True" => ExprKind::Const(Value::Bool(true)),
                    "false" | "False" => ExprKind::Const(Value::Bool(false)),
                    "none" | "None" => ExprKind::Const(Value::None),
                    _ => ExprKind::Name(self.read(&name)),
                }
            }
            Token::String(mut text) => {
                self.next();
                while let Token::String(more) = self.peek() {
                    text.push_str(more);
                    self.next();
                }
                ExprKind::Const(Value::Str(Text::constant(&text)))
            }
            Token::Int(value) => {
                self.next();
                ExprKind::Const(Value::Int(value))
            }
            Token::Float(value) => {
                self.next();
                ExprKind::Const(Value::Float(value))
            }
            Token::Op("(") => return self.parenthesis(),
            Token::Op("[") => {
                self.next();
                ExprKind::List(self.items("]", Self::expression)?)
            }
            Token::Op("{") => {
                self.next();
                ExprKind::Dict(self.items("}", |parser| {
                    let key = parser.expression()?;
                    parser.expect_op(":")?;
                    Ok((key, parser.expression()?))
                })?)
            }
            _ => return self.unexpected("an expression"),
        };
        self.make(kind, line)
    }

    fn parenthesis(&mut self) -> Result<Expr> {
        let line = self.line();
        self.next();
        if self.skip_op(")") {
            return self.make(ExprKind::Tuple(Vec::new()), line);
        }
        let value = self.tuple(true, &[])?;
        self.expect_op(")")?;
        Ok(value)
    }

    /// Items with commas between them, up to the closing bracket.
    fn items<T>(&mut self, close: &str, item: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        let mut items = Vec::new();
        while !self.skip_op(close) {
            if !items.is_empty() {
                self.expect_op(",")?;
                if self.skip_op(close) {
                    break;
                }
            }
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// Attributes, subscripts and calls.
    fn postfix(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            let line = self.line();
            let kind = match self.peek() {
                Token::Op(".") => {
                    self.next();
                    self.attribute(value)?
                }
                Token::Op("[") => {
                    self.next();
                    self.subscript(value)?
                }
                Token::Op("(") => ExprKind::Call(Box::new((value, self.arguments()?))),
                _ => return Ok(value),
            };
            value = self.make(kind, line)?;
        }
    }

    fn attribute(&mut self, value: Expr) -> Result<ExprKind> {
        let line = self.line();
        match self.next() {
            Token::Name(name) => Ok(ExprKind::Attr(Box::new(value), Rc::from(name))),
            Token::Int(index) => {
                let index = self.make(ExprKind::Const(Value::Int(index)), line)?;
                Ok(ExprKind::Item(Box::new((value, index))))
            }
            _ => self.fail("expected name or number"),
        }
    }

    fn subscript(&mut self, value: Expr) -> Result<ExprKind> {
        let line = self.line();
        let mut indices = Vec::new();
        let mut slice = None;
        while !self.skip_op("]") {
            if slice.is_some() {
                return self.unexpected("']'");
            }
            if !indices.is_empty() {
                self.expect_op(",")?;
            }
            let start = if self.is_op(":") { None } else { Some(self.expression()?) };
            if !self.is_op(":") {
                indices.extend(start);
                continue;
            }
            let mut parts = [start, None, None];
            for part in &mut parts[1..] {
                if !self.skip_op(":") {
                    break;
                }
                if !self.is_op(":") && !self.is_op("]") && !self.is_op(",") {
                    *part = Some(self.expression()?);
                }
            }
            slice = Some(parts);
        }
        if let Some(parts) = slice {
            if !indices.is_empty() {
                return self.fail("a slice cannot be one of several subscripts");
            }
            return Ok(ExprKind::Slice(Box::new((value, parts))));
        }
        let index = match indices.pop() {
            Some(index) if indices.is_empty() => index,
            last => {
                indices.extend(last);
                self.make(ExprKind::Tuple(indices), line)?
            }
        };
        Ok(ExprKind::Item(Box::new((value, index))))
    }

    /// Filters, tests, and calls of their results.
    fn filters(&mut self, mut value: Expr) -> Result<Expr> {
        loop {
            let line = self.line();
            if self.is_op("|") {
                self.next();
                value = self.filter(Some(value))?;
            } else if self.skip_name("is") {
                value = self.test(value, line)?;
            } else if self.is_op("(") {
                let arguments = self.arguments()?;
                value = self.make(ExprKind::Call(Box::new((value, arguments))), line)?;
            } else {
                break;
            }
        }
        Ok(value)
    }

    /// The filters of a block; `inline` if the first has no `|` before it.
    pub(super) fn filter_chain(&mut self, mut value: Option<Expr>, inline: bool) -> Result<Expr> {
        if !inline {
            self.expect_op("|")?;
        }
        loop {
            value = Some(self.filter(value)?);
            if !self.skip_op("|") {
                break;
            }
        }
        match value {
            Some(value) => Ok(value),
            None => self.unexpected("a filter"),
        }
    }

    fn filter(&mut self, value: Option<Expr>) -> Result<Expr> {
        let line = self.line();
        let name = self.dotted_name()?;
        let arguments = if self.is_op("(") { self.arguments()? } else { Arguments::default() };
        self.make(ExprKind::Filter(Box::new((value, name, arguments))), line)
    }

    fn dotted_name(&mut self) -> Result<Rc<str>> {
        let mut name = self.expect_name()?;
        while self.skip_op(".") {
            name.push('.');
            name.push_str(&self.expect_name()?);
        }
        Ok(Rc::from(name))
    }

    fn test(&mut self, value: Expr, line: u32) -> Result<Expr> {
        let negated = self.skip_name("not");
        let name = self.dotted_name()?;
        let has_argument = match self.peek() {
            Token::Name(name) if name == "is" => return self.fail("You cannot chain multiple tests with is"),
            Token::Name(name) => !matches!(name.as_str(), "else" | "or" | "and"),
            Token::String(_) | Token::Int(_) | Token::Float(_) => true,
            Token::Op(op) => matches!(*op, "[" | "{"),
            _ => false,
        };
        let arguments = if self.is_op("(") {
            self.arguments()?
        } else if has_argument {
            let argument = self.primary()?;
            Arguments { positional: vec![self.postfix(argument)?], ..Arguments::default() }
        } else {
            Arguments::default()
        };
        let test = self.make(ExprKind::Test(Box::new((value, name, arguments))), line)?;
        if negated { self.make(ExprKind::Not(Box::new(test)), line) } else { Ok(test) }
    }
}
