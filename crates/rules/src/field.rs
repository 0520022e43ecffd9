//! The fields of events, with their types and permitted uses.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::filter::{Field, Operand};

/// The type of a field's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FieldType {
    /// Bytes without NUL, usually UTF-8.
    Text,
    /// Arbitrary bytes.
    Bytes,
    /// A boolean.
    Bool,
    /// An integer, signed or unsigned.
    Int,
    /// A duration in nanoseconds.
    Duration,
    /// A time in nanoseconds since 1970.
    Time,
    /// A floating-point number.
    Double,
    /// A TCP or UDP port.
    Port,
    /// An IPv4 or IPv6 address.
    Address,
    /// An IPv4 or IPv6 network; values are addresses, which are matched against networks.
    Network,
    /// A value that cannot be compared.
    Opaque,
}

impl FieldType {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "text" => Self::Text,
            "bytes" => Self::Bytes,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "duration" => Self::Duration,
            "time" => Self::Time,
            "double" => Self::Double,
            "port" => Self::Port,
            "address" => Self::Address,
            "network" => Self::Network,
            "opaque" | "dynamic" => Self::Opaque,
            _ => return None,
        })
    }

    pub(crate) const fn is_number(self) -> bool {
        matches!(self, Self::Int | Self::Duration | Self::Time | Self::Double | Self::Port)
    }
}

/// Whether a field takes an argument in brackets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Argument {
    /// No argument is allowed.
    #[default]
    None,
    /// An argument is optional.
    Allowed,
    /// An argument is required.
    Required,
}

/// A field.
#[derive(Clone, Debug)]
pub struct FieldInfo {
    /// The full name.
    pub name: String,
    /// The type of its values.
    pub kind: FieldType,
    /// Whether the value is always a list, all of whose elements `in` must match.
    pub list: bool,
    /// Whether it takes an argument.
    pub argument: Argument,
    /// Whether it can be compared with another field.
    pub comparable: bool,
    /// Whether transformers accept it.
    pub transformable: bool,
    /// Whether it is allowed only in output.
    pub print_only: bool,
    /// Whether it is deprecated, which causes a warning.
    pub deprecated: bool,
    /// The event source: `syscall`, `k8s_audit`, or `container` (in addition to `syscall`).
    pub source: String,
    /// Its number in its table, which [`Fields::add`] sets.
    pub slot: u16,
}

/// A field with its argument, to look up in an event.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldRef {
    /// The name of the field.
    pub name: String,
    /// The argument in brackets or, for some fields, after a dot: `evt.arg.flags`.
    pub argument: Option<Vec<u8>>,
    /// The number of the field ([`FieldInfo::slot`]).
    pub slot: u16,
}

/// The fields that rules may use.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    by_name: BTreeMap<String, FieldInfo>,
}

static KNOWN: LazyLock<Fields> = LazyLock::new(|| {
    let mut fields = Fields::default();
    for line in include_str!("fields.tsv").lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('\t');
        let mut column = || columns.next().unwrap_or_default();
        let (name, kind, flags, source) = (column(), column(), column(), column());
        // A test verifies that every line of the table is valid.
        let Some(kind) = FieldType::named(kind) else { continue };
        let has = |flag: &str| flags.split(',').any(|other| other == flag);
        fields.add(FieldInfo {
            name: name.to_owned(),
            kind,
            list: has("list"),
            argument: match (has("argument-required"), has("argument")) {
                (true, _) => Argument::Required,
                (false, true) => Argument::Allowed,
                (false, false) => Argument::None,
            },
            comparable: !has("no-right"),
            transformable: !has("no-transformer"),
            print_only: has("print"),
            deprecated: has("deprecated"),
            source: source.to_owned(),
            slot: 0,
        });
    }
    fields
});

impl Fields {
    /// Returns Falco's fields for system calls, containers and audit events.
    pub fn known() -> &'static Self {
        &KNOWN
    }

    /// Adds a field, or replaces the one of its name.
    pub fn add(&mut self, mut field: FieldInfo) {
        let next = self.by_name.len();
        let same = self.by_name.get(&field.name).map(|other| other.slot);
        field.slot = same.unwrap_or_else(|| u16::try_from(next).unwrap_or(u16::MAX));
        self.by_name.insert(field.name.clone(), field);
    }

    /// Returns all fields by name.
    pub fn iter(&self) -> impl Iterator<Item = &FieldInfo> {
        self.by_name.values()
    }

    /// Returns the event source of a field.
    pub(crate) fn source(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(|info| info.source.as_str())
    }

    /// Resolves a name to a field and its argument. The longest known name wins; the rest after its
    /// dot is the argument if the field takes one (`evt.arg.flags`).
    ///
    /// # Errors
    /// Why there is no such field, or why the argument is not allowed.
    pub fn resolve(&self, field: &Field) -> Result<(&FieldInfo, FieldRef), String> {
        let unknown = || format!("filter_check called with nonexistent field {}", field.name);
        let mut name = field.name.as_str();
        let (info, rest) = loop {
            if let Some(info) = self.by_name.get(name) {
                break (info, field.name.get(name.len() + 1..));
            }
            name = &name[..name.rfind('.').ok_or_else(unknown)?];
        };
        if rest.is_some() && (info.argument == Argument::None || field.argument.is_some()) {
            return Err(unknown());
        }
        let argument = match (rest, &field.argument) {
            (Some(rest), _) => Some(rest.as_bytes().to_vec()),
            (None, argument) => argument.clone(),
        };
        match (info.argument, &argument) {
            (Argument::None, Some(_)) => {
                return Err(format!("filter error: field {name} does not take an argument"));
            }
            // Another text would never match.
            (_, Some(index)) if is_of_ancestors(name) && !is_index(index) => {
                return Err(format!("filter error: field {name} takes a number from 0 to 65535"));
            }
            (Argument::Required, None) => {
                return Err(format!("filter error: field {name} requires an argument"));
            }
            _ => {}
        }
        Ok((info, FieldRef { name: name.to_owned(), argument, slot: info.slot }))
    }

    /// A known field by the text that stands for it in conditions: `proc.aname[2]`.
    ///
    /// # Errors
    /// The text is no field, or there is none of that name.
    pub fn named(&self, text: &str) -> Result<(&FieldInfo, FieldRef), String> {
        match crate::filter::operand_at(text) {
            Ok((Operand::Field(field), length)) if length == text.len() => self.resolve(&field),
            _ => Err(format!("{text:?} is no field")),
        }
    }

    /// Returns whether a constant is the name of a field, so that `val(…)` was probably intended.
    pub(crate) fn has(&self, text: &str) -> bool {
        self.by_name.contains_key(text)
    }
}

/// Whether the argument of a field is the number of an ancestor.
fn is_of_ancestors(name: &str) -> bool {
    matches!(name, "proc.aname" | "proc.aexe" | "proc.aexepath" | "proc.apid" | "proc.acmdline")
}

fn is_index(argument: &[u8]) -> bool {
    std::str::from_utf8(argument).is_ok_and(|text| text.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_the_table_is_a_field() {
        let lines = include_str!("fields.tsv").lines().filter(|line| !line.starts_with('#'));
        let mut count = 0;
        for line in lines {
            let columns: Vec<_> = line.split('\t').collect();
            let [name, kind, ..] = columns[..] else { panic!("{line}") };
            assert!(FieldType::named(kind).is_some(), "{line}");
            assert!(Fields::known().has(name), "{line}");
            count += 1;
        }
        assert_eq!(count, Fields::known().iter().count(), "a name stands twice");
    }

    #[test]
    fn arguments_follow_in_brackets_or_behind_a_dot() {
        let resolve = |name: &str, argument: Option<&str>| {
            let argument = argument.map(|text| text.as_bytes().to_vec());
            let position = crate::Position { index: 0, line: 1, column: 1 };
            let field = Field { name: name.into(), argument, position };
            Fields::known().resolve(&field).map(|(_, field)| (field.name, field.argument))
        };
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(resolve("evt.arg.flags", None), Ok(("evt.arg".into(), text("flags"))));
        assert_eq!(resolve("evt.arg", Some("1")), Ok(("evt.arg".into(), text("1"))));
        assert_eq!(
            resolve("k8s.pod.label.app.name", None),
            Ok(("k8s.pod.label".into(), text("app.name")))
        );
        // The longest name wins, and a raw argument has its own type.
        assert_eq!(resolve("evt.rawarg.flags", None), Ok(("evt.rawarg.flags".into(), None)));
        assert!(resolve("proc.aname", Some("0")).is_ok() && resolve("proc.aname", None).is_ok());
        for (name, argument) in [
            ("evt.arg", None),
            ("proc.name", Some("1")),
            ("proc.nam", None),
            ("proc.name.x", None),
            // A number of an ancestor.
            ("proc.aname", Some("x")),
            ("proc.aname", Some("-1")),
            ("proc.apid", Some("99999999999")),
        ] {
            assert!(resolve(name, argument).is_err(), "{name}");
        }
    }
}
