//! Runtime rules: Falco's filter language and rule files, and their evaluation on events. This
//! crate does no I/O and uses no clock.

mod accepted;
mod audit;
mod compile;
mod event_types;
mod field;
mod filter;
mod format;
mod glob;
mod judge;
mod load;
mod ours;
mod posix;
mod recorded;
mod rule_set;
mod transform;
mod value;

pub use accepted::{Accepted, Exceptions, Wrong, day};
pub use audit::{AuditEvent, decoded_query};
pub use compile::{CompileError, CompileWarning, Filter};
pub use event_types::{EventTypes, event_types};
pub use field::{Argument, FieldInfo, FieldRef, FieldType, Fields};
pub use filter::{
    Check, Expr, Field, List, Modifier, Operand, Operator, ParseError, Position, Right,
    Transformed, Transformer, escape, parse, unescape,
};
pub use format::{Format, NOT_AVAILABLE, Output};
pub use load::{Code, Item, Loaded, Message, Options, Priority, Rule, RuleFile, doubts, load};
pub use ours::{Card, OURS};
pub use recorded::{Recorded, RecordedError};
pub use rule_set::{RuleSet, Scratch};
pub use transform::Kind;
pub use value::{Event, Value, Values};
