//! The syntax tree of a filter.

/// A place in the text of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Bytes before it.
    pub index: usize,
    /// From 1.
    pub line: usize,
    /// Bytes in its line, from 1.
    pub column: usize,
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Expr {
    /// At least two conditions that must all hold.
    And(Vec<Expr>, Position),
    /// At least two conditions of which one must hold.
    Or(Vec<Expr>, Position),
    /// A condition that must not hold.
    Not(Box<Expr>, Position),
    /// The name of a macro.
    Macro(String, Position),
    /// A comparison.
    Check(Check),
}

/// A value of an event, compared with something.
#[derive(Clone, Debug)]
pub struct Check {
    /// What is compared.
    pub left: Operand,
    /// How.
    pub operator: Operator,
    /// For operators on strings: what several values on the right mean together.
    pub modifier: Option<Modifier>,
    /// What it is compared with; `exists` has none.
    pub right: Option<Right>,
    /// Where the comparison begins.
    pub position: Position,
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub enum Right {
    /// One value, or the name of a list where a list is expected.
    Value(Vec<u8>, Position),
    /// Values in parentheses.
    List(List),
    /// A field or transformed field of the same event: `val(proc.name)`, `tolower(proc.name)`.
    Operand(Operand),
}

/// Values in parentheses.
#[derive(Clone, Debug)]
pub struct List {
    /// The values, in order.
    pub values: Vec<Vec<u8>>,
    /// The opening parenthesis.
    pub position: Position,
}

/// What is compared.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A field of the event.
    Field(Field),
    /// A field after a transformation.
    Transformed(Transformed),
    /// A constant argument of a transformer.
    Value(Vec<u8>, Position),
    /// Arguments in parentheses, as `join` takes.
    List(Vec<Operand>, Position),
}

/// A field with its argument: `proc.aname[2]`.
#[derive(Clone, Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What stands in brackets; empty brackets are no argument but an error.
    pub argument: Option<Vec<u8>>,
    /// Where the name begins.
    pub position: Position,
}

/// A transformer with what it is applied to.
#[derive(Clone, Debug)]
pub struct Transformed {
    /// Which one.
    pub transformer: Transformer,
    /// Its operands, at least one.
    pub operands: Vec<Operand>,
    /// `getopt(proc.args, "nt:")[t]`: what stands in brackets.
    pub argument: Option<Vec<u8>>,
    /// Where its name begins.
    pub position: Position,
}

/// Names with a fixed text: the type, its texts, and the way from a text.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All, in the order in which they are tried.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As filters write it.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

texts! {
    /// Functions that change a field before it is compared.
    Transformer {
        /// ASCII letters in lower case.
        ToLower = "tolower",
        /// ASCII letters in upper case.
        ToUpper = "toupper",
        /// Base64, decoded.
        Base64 = "b64",
        /// What follows the last slash of a path.
        Basename = "basename",
        /// Number of bytes, or of elements of a list.
        Len = "len",
        /// Values with a separator between them.
        Join = "join",
        /// Values one after the other.
        Concat = "concat",
        /// Options of a command line, as getopt(3) reads them.
        GetOpt = "getopt",
        /// The field as it is, on the right side.
        Val = "val",
    }
}

texts! {
    /// Comparisons.
    Operator {
        /// There is a value.
        Exists = "exists",
        /// Numbers: at most.
        LessOrEqual = "<=",
        /// Numbers: less.
        Less = "<",
        /// Numbers: at least.
        GreaterOrEqual = ">=",
        /// Numbers: more.
        Greater = ">",
        /// The same.
        Equal = "==",
        /// The same, its other spelling.
        Assign = "=",
        /// Another one.
        NotEqual = "!=",
        /// A glob(7) pattern without regard to slashes.
        Glob = "glob",
        /// The same, ASCII letters of either case.
        IGlob = "iglob",
        /// Part of the text.
        Contains = "contains",
        /// The same, ASCII letters of either case.
        IContains = "icontains",
        /// Part of the bytes; the value is in hexadecimal digits.
        BContains = "bcontains",
        /// The beginning of the text.
        StartsWith = "startswith",
        /// The beginning of the bytes; the value is in hexadecimal digits.
        BStartsWith = "bstartswith",
        /// The end of the text.
        EndsWith = "endswith",
        /// A regular expression for the whole text.
        Regex = "regex",
        /// Some value of the left is in the list.
        Intersects = "intersects",
        /// All values of the left are in the list.
        In = "in",
        /// A path of the list is the path or above it.
        PMatch = "pmatch",
    }
}

texts! {
    /// What several values on the right of a string operator mean together.
    Modifier {
        /// Exactly one of them.
        OneOf = "oneof",
        /// At least one of them.
        AnyOf = "anyof",
        /// Each of them, and at least one.
        AllOf = "allof",
    }
}

/// What kind of right side an operator takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    Nothing,
    Number,
    Text,
    List,
}

impl Operator {
    pub(crate) const fn takes(self) -> Takes {
        use Operator::*;
        match self {
            Exists => Takes::Nothing,
            LessOrEqual | Less | GreaterOrEqual | Greater => Takes::Number,
            Intersects | In | PMatch => Takes::List,
            Equal | Assign | NotEqual | Glob | IGlob | Contains | IContains | BContains
            | StartsWith | BStartsWith | EndsWith | Regex => Takes::Text,
        }
    }
}

/// Equality of meaning: positions do not count.
impl PartialEq for Expr {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::And(a, _), Self::And(b, _)) | (Self::Or(a, _), Self::Or(b, _)) => a == b,
            (Self::Not(a, _), Self::Not(b, _)) => a == b,
            (Self::Macro(a, _), Self::Macro(b, _)) => a == b,
            (Self::Check(a), Self::Check(b)) => {
                a.left == b.left
                    && a.operator == b.operator
                    && a.modifier == b.modifier
                    && a.right == b.right
            }
            _ => false,
        }
    }
}

impl PartialEq for Operand {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Field(a), Self::Field(b)) => a.name == b.name && a.argument == b.argument,
            (Self::Transformed(a), Self::Transformed(b)) => {
                a.transformer == b.transformer
                    && a.operands == b.operands
                    && a.argument == b.argument
            }
            (Self::Value(a, _), Self::Value(b, _)) => a == b,
            (Self::List(a, _), Self::List(b, _)) => a == b,
            _ => false,
        }
    }
}

impl PartialEq for Right {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Value(a, _), Self::Value(b, _)) => a == b,
            (Self::List(a), Self::List(b)) => a.values == b.values,
            (Self::Operand(a), Self::Operand(b)) => a == b,
            _ => false,
        }
    }
}
