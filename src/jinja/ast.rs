//! A parsed template.

use std::rc::Rc;

use super::value::Value;

/// A variable, by its number in [`super::Template`].
pub type Name = u32;

/// Statements of a body.
pub type Body = Vec<Stmt>;

/// An expression and the line where it begins.
#[derive(Debug)]
pub struct Expr {
    pub kind: ExprKind,
    pub line: u32,
    /// Levels, itself included.
    pub height: u32,
}

#[derive(Debug)]
pub enum ExprKind {
    Const(Value),
    Name(Name),
    Tuple(Vec<Expr>),
    List(Vec<Expr>),
    Dict(Vec<(Expr, Expr)>),
    /// test, value, otherwise
    Cond(Box<(Expr, Expr, Option<Expr>)>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Not(Box<Expr>),
    Compare(Box<Expr>, Vec<(Comparison, Expr)>),
    /// A chain, evaluated from the left.
    Arith(Box<Expr>, Vec<(Operator, Expr)>),
    Concat(Vec<Expr>),
    Negative(Box<Expr>),
    Positive(Box<Expr>),
    Attr(Box<Expr>, Rc<str>),
    Item(Box<(Expr, Expr)>),
    /// start, stop and step
    Slice(Box<(Expr, [Option<Expr>; 3])>),
    Call(Box<(Expr, Arguments)>),
    /// No value: the text of a `filter` block or of a `set` block.
    Filter(Box<(Option<Expr>, Rc<str>, Arguments)>),
    Test(Box<(Expr, Rc<str>, Arguments)>),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Operator {
    Add,
    Sub,
    Mul,
    Div,
    FloorDiv,
    Mod,
    Pow,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    NotIn,
}

/// What stands between the parentheses of a call.
#[derive(Debug, Default)]
pub struct Arguments {
    pub positional: Vec<Expr>,
    pub named: Vec<(Rc<str>, Expr)>,
    /// `*args`
    pub more: Option<Expr>,
    /// `**kwargs`
    pub more_named: Option<Expr>,
}

/// Where a value is assigned to.
#[derive(Debug)]
pub enum Target {
    Name(Name),
    Tuple(Vec<Target>),
    /// `namespace.attribute`
    Attr(Name, Rc<str>),
}

#[derive(Debug)]
pub enum Stmt {
    Text(Vec<super::text::Char>),
    Output(Expr),
    If(Vec<(Expr, Body)>, Body),
    For(Rc<ForNode>),
    Set(Target, Expr),
    SetBlock(Target, Option<Expr>, Body),
    Macro(Rc<MacroNode>),
    /// The call and its body as a macro named `caller`.
    Call(Expr, Rc<MacroNode>),
    Filter(Expr, Body),
    With(Vec<(Target, Expr)>, Body),
    /// A block that may be overridden elsewhere; `scoped` ones see the variables around them.
    Block(Body, bool),
    Autoescape(Expr, Body),
    /// `{% generation %}`: what the assistant said.
    Generation(Body),
    Break,
    Continue,
    /// A tag that needs another template.
    NoLoader(&'static str),
}

#[derive(Debug)]
pub struct ForNode {
    pub target: Target,
    pub iter: Expr,
    pub test: Option<Expr>,
    pub body: Body,
    pub otherwise: Body,
    pub recursive: bool,
}

/// A parameter: its number, its name, its default.
pub type Param = (Name, Rc<str>, Option<Expr>);

#[derive(Debug)]
pub struct MacroNode {
    pub name: Rc<str>,
    pub symbol: Name,
    pub params: Vec<Param>,
    pub body: Body,
    /// Which of the special variables the body reads.
    pub uses_varargs: bool,
    pub uses_kwargs: bool,
    pub uses_caller: bool,
}
