//! The syntax tree of a filter.

/// A position in the text of a filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// The offset in bytes.
    pub index: usize,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Expr {
    /// At least two conditions that must all hold.
    And(Vec<Expr>, Position),
    /// At least two conditions, one of which must hold.
    Or(Vec<Expr>, Position),
    /// A condition that must not hold.
    Not(Box<Expr>, Position),
    /// The name of a macro.
    Macro(String, Position),
    /// A comparison.
    Check(Check),
}

/// A comparison of a value of an event.
#[derive(Clone, Debug)]
pub struct Check {
    /// The left operand.
    pub left: Operand,
    /// The operator.
    pub operator: Operator,
    /// For string operators, how to combine several values on the right.
    pub modifier: Option<Modifier>,
    /// The right side; `None` for `exists`.
    pub right: Option<Right>,
    /// The start of the comparison.
    pub position: Position,
}

/// The right side of a comparison.
#[derive(Clone, Debug)]
pub enum Right {
    /// One value, or the name of a list if the operator expects one.
    Value(Vec<u8>, Position),
    /// Values in parentheses.
    List(List),
    /// A field or transformed field of the same event: `val(proc.name)`, `tolower(proc.name)`.
    Operand(Operand),
}

/// Values in parentheses.
#[derive(Clone, Debug)]
pub struct List {
    /// The values in order.
    pub values: Vec<Vec<u8>>,
    /// The position of the opening parenthesis.
    pub position: Position,
}

/// An operand of a comparison.
#[derive(Clone, Debug)]
pub enum Operand {
    /// A field of the event.
    Field(Field),
    /// A transformed field.
    Transformed(Transformed),
    /// A constant argument of a transformer.
    Value(Vec<u8>, Position),
    /// Arguments in parentheses, as for `join`.
    List(Vec<Operand>, Position),
}

/// A field with an optional argument: `proc.aname[2]`.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The argument in brackets; empty brackets are an error.
    pub argument: Option<Vec<u8>>,
    /// The start of the name.
    pub position: Position,
}

/// A transformer and its operands.
#[derive(Clone, Debug)]
pub struct Transformed {
    /// The transformer.
    pub transformer: Transformer,
    /// The operands, at least one.
    pub operands: Vec<Operand>,
    /// The argument in brackets: `getopt(proc.args, "nt:")[t]`.
    pub argument: Option<Vec<u8>>,
    /// The start of the name.
    pub position: Position,
}

/// Defines an enum whose variants have a fixed text, with conversions in both directions.
macro_rules! texts {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($(#[$variant_doc])* $variant,)* }

        impl $name {
            /// All variants, in the order in which the parser tries them.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the text in filters.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }
        }
    };
}

texts! {
    /// Functions that transform a value before the comparison.
    Transformer {
        /// Converts ASCII letters to lower case.
        ToLower = "tolower",
        /// Converts ASCII letters to upper case.
        ToUpper = "toupper",
        /// Decodes Base64.
        Base64 = "b64",
        /// Returns the part of a path after the last slash.
        Basename = "basename",
        /// Returns the number of bytes, or of elements of a list.
        Len = "len",
        /// Joins values with a separator.
        Join = "join",
        /// Concatenates values.
        Concat = "concat",
        /// Parses command-line options like getopt(3).
        GetOpt = "getopt",
        /// Marks a field on the right side.
        Val = "val",
    }
}

texts! {
    /// Comparison operators.
    Operator {
        /// There is a value.
        Exists = "exists",
        /// Less than or equal, for numbers.
        LessOrEqual = "<=",
        /// Less than, for numbers.
        Less = "<",
        /// Greater than or equal, for numbers.
        GreaterOrEqual = ">=",
        /// Greater than, for numbers.
        Greater = ">",
        /// Equal.
        Equal = "==",
        /// Equal, in its other spelling.
        Assign = "=",
        /// Not equal.
        NotEqual = "!=",
        /// Matches a glob(7) pattern, in which slashes are not special.
        Glob = "glob",
        /// The same, ignoring ASCII case.
        IGlob = "iglob",
        /// Contains a text.
        Contains = "contains",
        /// The same, ignoring ASCII case.
        IContains = "icontains",
        /// Contains bytes, given in hexadecimal.
        BContains = "bcontains",
        /// Starts with a text.
        StartsWith = "startswith",
        /// Starts with bytes, given in hexadecimal.
        BStartsWith = "bstartswith",
        /// Ends with a text.
        EndsWith = "endswith",
        /// The whole text matches a regular expression.
        Regex = "regex",
        /// At least one left value is in the list.
        Intersects = "intersects",
        /// All left values are in the list.
        In = "in",
        /// The list contains the path or one of its ancestors.
        PMatch = "pmatch",
    }
}

texts! {
    /// How a string operator combines several values on the right.
    Modifier {
        /// Exactly one of them matches.
        OneOf = "oneof",
        /// At least one of them matches.
        AnyOf = "anyof",
        /// All of them match, and there is at least one.
        AllOf = "allof",
    }
}

/// The right side that an operator takes.
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

/// Compares the meaning, ignoring positions.
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
