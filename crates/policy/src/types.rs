//! Types, as far as the API server refuses expressions by them.
//!
//! Claims are of CEL's type `any`: that fits everywhere, but a loop must run over something that is
//! known to be a list or map, and a rule must be known to give a boolean. `user` has fixed fields.

use cel::IdedExpr;
use cel::common::ast::{Expr, LiteralValue};

use crate::tree::{Refused, Root, children};

/// What is known of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    Bool,
    /// A claim: refused where a loop runs over it.
    Any,
    /// Something that only shows when it runs.
    Dyn,
    /// Neither, and no boolean.
    Other,
}

/// Functions whose result is a boolean.
const BOOLEAN: [&str; 22] = [
    "_==_",
    "_!=_",
    "_<_",
    "_<=_",
    "_>_",
    "_>=_",
    "_&&_",
    "_||_",
    "!_",
    "@in",
    "_in_",
    "in",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "bool",
    "hasValue",
    "isSorted",
    "all",
    "exists",
    "@not_strictly_false",
];

/// Functions that the API server knows besides (the base libraries, strings, lists, optionals).
const KNOWN: [&str; 60] = [
    "_+_",
    "_-_",
    "_*_",
    "_/_",
    "_%_",
    "-_",
    "_[_]",
    "_?_:_",
    "_[?_]",
    "_?._",
    "size",
    "string",
    "int",
    "uint",
    "double",
    "bytes",
    "type",
    "dyn",
    "duration",
    "timestamp",
    "getDate",
    "getDayOfMonth",
    "getDayOfWeek",
    "getDayOfYear",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getSeconds",
    "orValue",
    "or",
    "value",
    "optional.of",
    "optional.none",
    "optional.ofNonZeroValue",
    "of",
    "none",
    "ofNonZeroValue",
    "optMap",
    "optFlatMap",
    "charAt",
    "indexOf",
    "lastIndexOf",
    "join",
    "lowerAscii",
    "upperAscii",
    "replace",
    "split",
    "substring",
    "trim",
    "quote",
    "format",
    "reverse",
    "sum",
    "min",
    "max",
    "find",
    "findAll",
    "distinct",
];

/// Functions of libraries that the API server has and that are not evaluated here.
const FOREIGN: [&str; 20] = [
    "url",
    "isURL",
    "getScheme",
    "getHost",
    "getHostname",
    "getPort",
    "getQuery",
    "getEscapedPath",
    "quantity",
    "isQuantity",
    "semver",
    "isSemver",
    "ip",
    "isIP",
    "cidr",
    "isCIDR",
    "slice",
    "flatten",
    "sort",
    "sets",
];

/// Functions that the API server was tried with and refuses. Of all others that are in no list it is
/// not known whether it has them.
const ABSENT: [&str; 1] = ["now"];

const USER: [&str; 4] = ["username", "uid", "groups", "extra"];

/// Refuses what the API server would refuse.
pub(crate) fn check(tree: &IdedExpr, root: Root, boolean: bool) -> Result<(), Refused> {
    let scope = Scope { root, own: Vec::new() };
    let found = scope.of(tree)?;
    match (boolean, found) {
        (false, _) | (true, Type::Bool) => Ok(()),
        (true, _) => Err(Refused::Invalid("must evaluate to bool".to_owned())),
    }
}

/// Whether it, or anything inside, is so.
pub(crate) fn any(tree: &IdedExpr, is: &dyn Fn(&IdedExpr) -> bool) -> bool {
    is(tree) || children(tree).into_iter().any(|child| any(child, is))
}

/// The field of the root that an expression selects, also where it asks for it as an optional one.
pub(crate) fn field_of(node: &IdedExpr, root: Root) -> Option<&str> {
    let is_root = |node: &IdedExpr| matches!(&node.expr, Expr::Ident(name) if name == root.name());
    match &node.expr {
        Expr::Select(select) if is_root(&select.operand) => Some(&select.field),
        Expr::Call(call) if call.func_name == "_?._" => match &call.args[..] {
            [of, IdedExpr { expr: Expr::Literal(LiteralValue::String(field)), .. }]
                if is_root(of) =>
            {
                Some(field.inner())
            }
            _ => None,
        },
        _ => None,
    }
}

struct Scope {
    root: Root,
    /// Variables of loops.
    own: Vec<String>,
}

impl Scope {
    fn with(&self, names: &[&str]) -> Self {
        let mut own = self.own.clone();
        own.extend(names.iter().map(|name| (*name).to_owned()));
        Self { root: self.root, own }
    }

    fn of(&self, node: &IdedExpr) -> Result<Type, Refused> {
        match &node.expr {
            Expr::Unspecified => Ok(Type::Dyn),
            Expr::Literal(LiteralValue::Boolean(_)) => Ok(Type::Bool),
            Expr::Literal(_) => Ok(Type::Other),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => {
                let of = self.of(&select.operand)?;
                if let Expr::Ident(name) = &select.operand.expr
                    && name == self.root.name()
                    && self.root == Root::User
                    && !USER.contains(&&*select.field)
                {
                    return Err(Refused::Invalid(format!("undefined field '{}'", select.field)));
                }
                if select.test {
                    return Ok(Type::Bool);
                }
                let claim = field_of(node, self.root).is_some() && self.root == Root::Claims;
                Ok(if claim {
                    Type::Any
                } else if of == Type::Bool {
                    Type::Other
                } else {
                    Type::Dyn
                })
            }
            Expr::List(list) => self.all(&list.elements).map(|()| Type::Other),
            Expr::Map(_) | Expr::Struct(_) => {
                for child in children(node) {
                    self.of(child)?;
                }
                Ok(Type::Other)
            }
            Expr::Comprehension(of) => {
                let range = self.of(&of.iter_range)?;
                match range {
                    Type::Any => {
                        let why = "expression of type 'any' cannot be range of a comprehension (must be list, map, \
                                   or dynamic): wrap it in `dyn(…)`";
                        return Err(Refused::Invalid(why.to_owned()));
                    }
                    Type::Bool => {
                        let why = "expression of type 'bool' cannot be range of a comprehension";
                        return Err(Refused::Invalid(why.to_owned()));
                    }
                    Type::Dyn | Type::Other => {}
                }
                let start = self.of(&of.accu_init)?;
                let mut names = vec![&*of.iter_var, &*of.accu_var];
                names.extend(of.iter_var2.as_deref());
                let inner = self.with(&names);
                for part in [&of.loop_cond, &of.loop_step, &of.result] {
                    inner.of(part)?;
                }
                // `exists` and `all` start with a boolean, `exists_one` compares in the end.
                let last = inner.of(&of.result)?;
                Ok(if start == Type::Bool || last == Type::Bool { Type::Bool } else { Type::Other })
            }
            Expr::Call(call) => self.call(&call.func_name, call.target.as_deref(), &call.args),
        }
    }

    fn all(&self, nodes: &[IdedExpr]) -> Result<(), Refused> {
        nodes.iter().try_for_each(|node| self.of(node).map(|_| ()))
    }

    fn ident(&self, name: &str) -> Result<Type, Refused> {
        const TYPES: [&str; 11] = [
            "bool",
            "bytes",
            "double",
            "int",
            "list",
            "map",
            "null_type",
            "string",
            "type",
            "uint",
            "optional",
        ];
        let known = name == self.root.name()
            || self.own.iter().any(|own| own == name)
            || TYPES.contains(&name);
        match known {
            true => Ok(Type::Dyn),
            false => Err(Refused::Invalid(format!("undeclared reference to '{name}'"))),
        }
    }

    fn call(
        &self,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> Result<Type, Refused> {
        // `optional.of(x)`, `math.least(…)`: the target is no value.
        let of_library = target.and_then(|target| match &target.expr {
            Expr::Ident(library)
                if matches!(
                    &**library,
                    "optional" | "math" | "sets" | "base64" | "strings" | "regex" | "format"
                ) =>
            {
                Some(&**library)
            }
            _ => None,
        });
        if let Some(library) = of_library.filter(|library| *library != "optional") {
            return Err(Refused::Unknown(format!("`{library}.{name}` is not evaluated here")));
        }
        if FOREIGN.contains(&name) {
            return Err(Refused::Unknown(format!("`{name}` is not evaluated here")));
        }
        let target = match target.filter(|_| of_library.is_none()) {
            Some(target) => Some(self.of(target)?),
            None => None,
        };
        let types = args.iter().map(|arg| self.of(arg)).collect::<Result<Vec<_>, _>>()?;
        let is_root =
            |arg: &IdedExpr| matches!(&arg.expr, Expr::Ident(name) if name == self.root.name());
        // A map or an object is nothing to compute with.
        if matches!(
            name,
            "_+_"
                | "_-_"
                | "_*_"
                | "_/_"
                | "_%_"
                | "-_"
                | "!_"
                | "_&&_"
                | "_||_"
                | "_<_"
                | "_<=_"
                | "_>_"
                | "_>=_"
        ) && args.iter().any(is_root)
        {
            let why = format!("found no matching overload for '{name}' on `{}`", self.root.name());
            return Err(Refused::Invalid(why));
        }
        if BOOLEAN.contains(&name) {
            return Ok(Type::Bool);
        }
        match (name, &types[..]) {
            ("_?_:_", [_, Type::Bool, Type::Bool]) => Ok(Type::Bool),
            ("_?_:_", [_, Type::Any, _] | [_, _, Type::Any]) => Ok(Type::Any),
            ("_?_:_", _) => Ok(Type::Dyn),
            // A claim that is asked for as an optional one, with a default.
            ("orValue" | "value", _) => {
                Ok(if target == Some(Type::Any) { Type::Any } else { Type::Dyn })
            }
            ("_?._" | "_[?_]", [..]) => {
                let claim = args
                    .first()
                    .is_some_and(|of| matches!(&of.expr, Expr::Ident(name) if name == "claims"));
                Ok(if claim { Type::Any } else { Type::Dyn })
            }
            ("_[_]", [..]) => {
                let claim = args
                    .first()
                    .is_some_and(|of| matches!(&of.expr, Expr::Ident(name) if name == "claims"));
                Ok(if claim { Type::Any } else { Type::Dyn })
            }
            ("dyn", _) => Ok(Type::Dyn),
            _ if KNOWN.contains(&name) => Ok(Type::Other),
            _ if ABSENT.contains(&name) => {
                Err(Refused::Invalid(format!("undeclared reference to '{name}'")))
            }
            _ => Err(Refused::Unknown(format!("the function `{name}` is not known here"))),
        }
    }
}
