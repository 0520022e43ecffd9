//! A parser for CEL expressions (<https://github.com/google/cel-spec>), sufficient to determine
//! what the rules of structured authentication require.
//!
//! Out of scope: types, evaluation. Unsupported expressions are rejected, and the caller reports
//! *unknown*.

/// An expression. Parts that are irrelevant for all checks are [`Expr::Other`].
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expr {
    Text(String),
    Int(i64),
    Bool(bool),
    Ident(String),
    /// `of.field`, or `of.?field` if `optional`.
    Select {
        of: Box<Expr>,
        field: String,
        optional: bool,
    },
    /// `of[index]`.
    Index {
        of: Box<Expr>,
        index: Box<Expr>,
    },
    List(Vec<Expr>),
    /// `target.name(arguments)` or `name(arguments)`.
    Call {
        target: Option<Box<Expr>>,
        name: String,
        arguments: Vec<Expr>,
    },
    Not(Box<Expr>),
    Negative(Box<Expr>),
    Binary(Op, Box<Expr>, Box<Expr>),
    /// `condition ? yes : no`.
    Choice(Box<[Expr; 3]>),
    /// Floats, bytes, null, maps (with their content).
    Other(Vec<Expr>),
}

/// Binary operators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    In,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}

/// Operators by precedence, lowest first.
const LEVELS: [&[(&str, Op)]; 5] = [
    &[("||", Op::Or)],
    &[("&&", Op::And)],
    &[
        ("==", Op::Eq),
        ("!=", Op::Ne),
        ("<=", Op::Le),
        (">=", Op::Ge),
        ("<", Op::Lt),
        (">", Op::Gt),
        ("in", Op::In),
    ],
    &[("+", Op::Add), ("-", Op::Sub)],
    &[("*", Op::Mul), ("/", Op::Div), ("%", Op::Rem)],
];

/// Maximum nesting depth, to protect the stack.
const MAX_DEPTH: u32 = 48;

/// Maximum number of tokens: the tree of `a && a && …` is as deep as it is long.
const MAX_TOKENS: usize = 1024;

/// Parses an expression. `None` if it is not supported.
pub(super) fn parse(text: &str) -> Option<Expr> {
    let tokens = tokens(text).filter(|tokens| tokens.len() <= MAX_TOKENS)?;
    let mut parser = Parser { tokens: &tokens, at: 0, depth: 0 };
    let expr = parser.choice()?;
    (parser.at == tokens.len()).then_some(expr)
}

impl Expr {
    /// Returns the direct subexpressions.
    pub(super) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Text(_) | Self::Int(_) | Self::Bool(_) | Self::Ident(_) => Vec::new(),
            Self::Select { of, .. } | Self::Not(of) | Self::Negative(of) => vec![of],
            Self::Index { of, index } => vec![of, index],
            Self::List(items) | Self::Other(items) => items.iter().collect(),
            Self::Call { target, arguments, .. } => {
                target.iter().map(|t| &**t).chain(arguments).collect()
            }
            Self::Binary(_, left, right) => vec![left, right],
            Self::Choice(parts) => parts.iter().collect(),
        }
    }

    /// Whether the expression or any subexpression satisfies a condition.
    pub(super) fn any(&self, is: &dyn Fn(&Self) -> bool) -> bool {
        is(self) || self.children().into_iter().any(|child| child.any(is))
    }

    /// Returns the claim that it reads: `claims.name` or `claims["name"]`.
    pub(super) fn claim(&self) -> Option<&str> {
        let is_claims = |of: &Self| matches!(of, Self::Ident(name) if name == "claims");
        match self {
            Self::Select { of, field, optional: false } if is_claims(of) => Some(field),
            Self::Index { of, index } if is_claims(of) => match &**index {
                Self::Text(name) => Some(name),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the claim that it reads with a default: `claims.?name.orValue(default)`.
    pub(super) fn claim_or(&self) -> Option<(&str, &Self)> {
        let Self::Call { target: Some(target), name, arguments } = self else { return None };
        let (Self::Select { of, field, optional: true }, "orValue", [default]) =
            (&**target, name.as_str(), arguments.as_slice())
        else {
            return None;
        };
        matches!(&**of, Self::Ident(name) if name == "claims").then_some((field, default))
    }

    /// Whether a claim occurs in it, in any form.
    pub(super) fn mentions(&self, name: &str) -> bool {
        self.any(&|e| match e {
            Self::Select { field, .. } => field == name,
            Self::Text(text) => text == name,
            _ => false,
        })
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Token {
    Ident(String),
    Text(String),
    Int(i64),
    /// A float or bytes.
    Other,
    Mark(&'static str),
}

const MARKS: [&str; 25] = [
    "||", "&&", "==", "!=", "<=", ">=", "[?", ".?", "<", ">", "+", "-", "*", "/", "%", "!", "?",
    ":", ",", ".", "(", ")", "[", "]", "{",
];

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let Some(first) = rest.chars().next() else { return Some(tokens) };
        if let Some((token, after)) = string(rest) {
            tokens.push(token?);
            rest = after;
        } else if first.is_ascii_alphabetic() || first == '_' {
            let end =
                rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            tokens.push(Token::Ident(word.to_owned()));
            rest = after;
        } else if first.is_ascii_digit() {
            let (token, after) = number(rest)?;
            tokens.push(token);
            rest = after;
        } else if let Some(after) = rest.strip_prefix('}') {
            tokens.push(Token::Mark("}"));
            rest = after;
        } else {
            let mark = MARKS.into_iter().find(|mark| rest.starts_with(mark))?;
            tokens.push(Token::Mark(mark));
            rest = &rest[mark.len()..];
        }
    }
}

fn number(text: &str) -> Option<(Token, &str)> {
    if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        let end = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let (digits, after) = hex.split_at(end);
        let value = i64::from_str_radix(digits, 16).ok()?;
        return Some((Token::Int(value), after.strip_prefix(['u', 'U']).unwrap_or(after)));
    }
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, after) = text.split_at(end);
    let fraction = after.strip_prefix('.').filter(|f| f.starts_with(|c: char| c.is_ascii_digit()));
    if fraction.is_some() || after.starts_with(['e', 'E']) {
        let tail = fraction.unwrap_or(after);
        let exponent = |c: char| c.is_ascii_digit() || matches!(c, 'e' | 'E' | '+' | '-');
        let end = tail.find(|c: char| !exponent(c)).unwrap_or(tail.len());
        return Some((Token::Other, &tail[end..]));
    }
    let value = digits.parse().ok()?;
    Some((Token::Int(value), after.strip_prefix(['u', 'U']).unwrap_or(after)))
}

/// Reads a string or bytes at the start. The inner value is `None` if it is malformed.
fn string(text: &str) -> Option<(Option<Token>, &str)> {
    let letters = text.find(|c: char| !matches!(c, 'r' | 'R' | 'b' | 'B'))?;
    let (prefix, body) = text.split_at(letters);
    if prefix.len() > 2 || !body.starts_with(['"', '\'']) {
        return None;
    }
    let raw = prefix.contains(['r', 'R']);
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| body.starts_with(q))?;
    let mut rest = &body[quote.len()..];
    let mut value = String::new();
    loop {
        if let Some(after) = rest.strip_prefix(quote) {
            let token = if prefix.contains(['b', 'B']) { Token::Other } else { Token::Text(value) };
            return Some((Some(token), after));
        }
        let Some(c) = rest.chars().next() else { return Some((None, "")) };
        if c == '\n' && quote.len() == 1 {
            return Some((None, ""));
        }
        rest = &rest[c.len_utf8()..];
        if c != '\\' || raw {
            value.push(c);
            continue;
        }
        match escape(rest) {
            Some((c, length)) => {
                value.push(c);
                rest = &rest[length..];
            }
            None => return Some((None, "")),
        }
    }
}

/// Returns the character of an escape, and its length after the backslash.
fn escape(text: &str) -> Option<(char, usize)> {
    let digits = |from: usize, count: usize, radix: u32| {
        let value = u32::from_str_radix(text.get(from..from + count)?, radix).ok()?;
        Some((char::from_u32(value)?, from + count))
    };
    let c = text.chars().next()?;
    Some(match c {
        '\\' | '"' | '\'' | '`' | '?' => (c, 1),
        'a' => ('\u{7}', 1),
        'b' => ('\u{8}', 1),
        'f' => ('\u{c}', 1),
        'n' => ('\n', 1),
        'r' => ('\r', 1),
        't' => ('\t', 1),
        'v' => ('\u{b}', 1),
        'x' | 'X' => digits(1, 2, 16)?,
        'u' => digits(1, 4, 16)?,
        'U' => digits(1, 8, 16)?,
        '0'..='3' => digits(0, 3, 8)?,
        _ => return None,
    })
}

struct Parser<'t> {
    tokens: &'t [Token],
    at: usize,
    depth: u32,
}

impl<'t> Parser<'t> {
    fn peek(&self) -> Option<&'t Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Option<&'t Token> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        Some(token)
    }

    fn take(&mut self, mark: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Mark(m)) if *m == mark);
        self.at += usize::from(found);
        found
    }

    fn choice(&mut self) -> Option<Expr> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let condition = self.binary(0)?;
        let expr = if self.take("?") {
            let yes = self.choice()?;
            if !self.take(":") {
                return None;
            }
            let no = self.choice()?;
            Expr::Choice(Box::new([condition, yes, no]))
        } else {
            condition
        };
        self.depth -= 1;
        Some(expr)
    }

    fn binary(&mut self, level: usize) -> Option<Expr> {
        let Some(operators) = LEVELS.get(level) else { return self.unary() };
        let mut left = self.binary(level + 1)?;
        loop {
            let found = operators.iter().find(|(written, _)| match self.peek() {
                Some(Token::Mark(mark)) => mark == written,
                Some(Token::Ident(word)) => word == written,
                _ => false,
            });
            let Some((_, op)) = found else { return Some(left) };
            self.at += 1;
            let right = self.binary(level + 1)?;
            left = Expr::Binary(*op, Box::new(left), Box::new(right));
        }
    }

    fn unary(&mut self) -> Option<Expr> {
        let not = self.take("!");
        if !not && !self.take("-") {
            return self.member();
        }
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        let of = Box::new(self.unary()?);
        self.depth -= 1;
        Some(if not { Expr::Not(of) } else { Expr::Negative(of) })
    }

    fn member(&mut self) -> Option<Expr> {
        let mut expr = self.primary()?;
        loop {
            let optional = self.take(".?");
            if optional || self.take(".") {
                let Some(Token::Ident(name)) = self.next() else { return None };
                let (of, name) = (Box::new(expr), name.clone());
                expr = if !optional && self.take("(") {
                    Expr::Call { target: Some(of), name, arguments: self.list(")")? }
                } else {
                    Expr::Select { of, field: name, optional }
                };
            } else if self.take("[") {
                let index = Box::new(self.choice()?);
                if !self.take("]") {
                    return None;
                }
                expr = Expr::Index { of: Box::new(expr), index };
            } else {
                return Some(expr);
            }
        }
    }

    fn primary(&mut self) -> Option<Expr> {
        Some(match self.next()? {
            Token::Text(text) => Expr::Text(text.clone()),
            Token::Int(value) => Expr::Int(*value),
            Token::Other => Expr::Other(Vec::new()),
            Token::Ident(word) => match word.as_str() {
                "true" => Expr::Bool(true),
                "false" => Expr::Bool(false),
                "null" => Expr::Other(Vec::new()),
                "in" => return None,
                _ if self.take("(") => {
                    Expr::Call { target: None, name: word.clone(), arguments: self.list(")")? }
                }
                _ => Expr::Ident(word.clone()),
            },
            Token::Mark("(") => {
                let inner = self.choice()?;
                if !self.take(")") {
                    return None;
                }
                inner
            }
            Token::Mark("[") => Expr::List(self.list("]")?),
            Token::Mark("{") => self.map()?,
            Token::Mark(_) => return None,
        })
    }

    /// Reads comma-separated expressions up to `end`.
    fn list(&mut self, end: &str) -> Option<Vec<Expr>> {
        let mut items = Vec::new();
        loop {
            if self.take(end) {
                return Some(items);
            }
            items.push(self.choice()?);
            if !self.take(",") {
                return self.take(end).then_some(items);
            }
        }
    }

    fn map(&mut self) -> Option<Expr> {
        let mut parts = Vec::new();
        loop {
            if self.take("}") {
                return Some(Expr::Other(parts));
            }
            parts.push(self.choice()?);
            if !self.take(":") {
                return None;
            }
            parts.push(self.choice()?);
            if !self.take(",") {
                return self.take("}").then_some(Expr::Other(parts));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expr, Op, parse};

    fn claim(name: &str) -> Expr {
        Expr::Select {
            of: Box::new(Expr::Ident("claims".into())),
            field: name.into(),
            optional: false,
        }
    }

    #[test]
    fn operators_bind_as_in_the_specification() {
        let expr = parse("claims.a == 'x' || !claims.b && 1 + 2 * 3 <= claims.c").unwrap();
        let Expr::Binary(Op::Or, left, right) = expr else { panic!("{expr:?}") };
        assert_eq!(
            *left,
            Expr::Binary(Op::Eq, Box::new(claim("a")), Box::new(Expr::Text("x".into())))
        );
        let Expr::Binary(Op::And, not, sum) = *right else { panic!("{right:?}") };
        assert_eq!(*not, Expr::Not(Box::new(claim("b"))));
        assert!(matches!(*sum, Expr::Binary(Op::Le, ..)));
    }

    #[test]
    fn strings_hide_operators_and_comments_hide_everything() {
        for (text, expected) in [
            (r#"'a || b // c'"#, "a || b // c"),
            (r#""it's \"so\" \x41\u0042\103""#, "it's \"so\" ABC"),
            (r"r'\d'", r"\d"),
            ("'''a\n'b''''", "a\n'b"),
            ("// || true\n'a' // && false", "a"),
        ] {
            let parsed = parse(text);
            let expected = match text {
                // The first three quotes end it, as in cel-go, and the fourth is invalid.
                "'''a\n'b''''" => None,
                _ => Some(Expr::Text(expected.into())),
            };
            assert_eq!(parsed, expected, "{text}");
        }
    }

    #[test]
    fn calls_indexes_and_optional_fields() {
        assert_eq!(parse("claims['amr']").unwrap().claim(), Some("amr"));
        let or = parse("claims.?amr.orValue([])").unwrap();
        assert_eq!(or.claim_or(), Some(("amr", &Expr::List(vec![]))));
        assert!(parse("claims.amr.exists(m, m in ['a', 'b',])").is_some());
        assert!(parse("{'a': 1, 'b': [1.5, 0x1F, 2u, b'x', null]}['a']").is_some());
    }

    #[test]
    fn what_is_malformed_is_refused() {
        for text in [
            "", "claims.", "'open", "a b", "(a", "a ? b", "a && ", "[1", "a @ b", "'\\q'", "{1}",
            "'a\nb'", "x in",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        let deep = "(".repeat(10_000) + "a" + &")".repeat(10_000);
        assert_eq!(parse(&deep), None);
        assert_eq!(parse(&("!".repeat(10_000) + "a")), None);
        assert_eq!(parse(&("a && ".repeat(100_000) + "a")), None);
    }
}
