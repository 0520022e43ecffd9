//! Events recorded as JSON objects: a field of the rule language and its value each.
//!
//! ```json
//! {"evt.type": "openat", "fd.name": "/etc/shadow", "proc.name": "cat", "proc.aname[2]": "sshd"}
//! ```
//!
//! Alerts in Falco's JSON form are read too: their `output_fields` are the fields of the event.

use std::borrow::Cow;
use std::fmt;

use pavisade_yaml::{Kind, Value as Json};

use crate::field::{FieldRef, FieldType, Fields};
use crate::value::{Event, Value, Values};

/// An event: its fields, flat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded<'a> {
    /// The numbers of the fields, which are searched.
    slots: Vec<u16>,
    values: Vec<Entry<'a>>,
}

/// The argument of a field, and its values.
type Entry<'a> = (Option<Vec<u8>>, Values<'a>);

/// A field that does not exist, or does not have such a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedError {
    /// The field, as the event names it.
    pub field: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RecordedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message)
    }
}

impl std::error::Error for RecordedError {}

impl RecordedError {
    fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), message: message.into() }
    }
}

impl<'a> Recorded<'a> {
    /// Reads an event from a JSON object. Fields that are `null` are absent.
    ///
    /// # Errors
    /// It is no object with an `evt.type`, a field is unknown, or a value is not of its type.
    pub fn read(root: Json<'a>) -> Result<Self, RecordedError> {
        let root = root.get("output_fields").unwrap_or(root);
        if root.kind() != Kind::Mapping {
            return Err(RecordedError::new("event", "not an object"));
        }
        let mut event = Self::default();
        for (name, value) in root.entries() {
            if value.is_null() {
                continue;
            }
            let (kind, field) = known(name)?;
            let values = match value.kind() {
                Kind::Sequence => value
                    .items()
                    .map(|value| typed(value, kind))
                    .collect::<Option<_>>()
                    .map(Values::Many),
                _ => typed(value, kind).map(Values::One),
            };
            let values = values.ok_or_else(|| RecordedError::new(name, TYPE))?;
            event.put(field, values);
        }
        if !matches!(event.stored("evt.type"), Values::One(_)) {
            return Err(RecordedError::new("evt.type", "an event has one type"));
        }
        // Events are numbered from 1; rules have `evt.num = 0` for what is never true.
        if matches!(event.stored("evt.num"), Values::One(Value::Int(..=0))) {
            return Err(RecordedError::new("evt.num", "events are numbered from 1"));
        }
        event.complete();
        Ok(event)
    }

    /// Sets a field, in its type.
    ///
    /// # Errors
    /// There is no such field.
    pub fn set(&mut self, field: &str, values: Values<'a>) -> Result<(), RecordedError> {
        self.put(known(field)?.1, values);
        Ok(())
    }

    fn put(&mut self, field: FieldRef, values: Values<'a>) {
        self.slots.push(field.slot);
        self.values.push((field.argument, values));
    }

    /// Adds what follows from other fields: parts of names, and both ends of a connection.
    fn complete(&mut self) {
        if let Values::One(Value::Bytes(name)) = self.stored("fd.name") {
            let cut = memchr::memrchr(b'/', &name);
            let (directory, file) = match cut {
                Some(0) => (name[..1].to_vec(), name[1..].to_vec()),
                Some(cut) => (name[..cut].to_vec(), name[cut + 1..].to_vec()),
                None => (Vec::new(), name.into_owned()),
            };
            if cut.is_some() {
                self.add("fd.directory", Values::One(Value::Bytes(directory.into())));
                self.add("fd.filename", Values::One(Value::Bytes(file.into())));
            }
        }
        for (field, ends) in [
            ("fd.ip", &["fd.cip", "fd.sip"][..]),
            ("fd.net", &["fd.cip", "fd.sip"]),
            ("fd.port", &["fd.cport", "fd.sport"]),
            ("fd.cnet", &["fd.cip"]),
            ("fd.snet", &["fd.sip"]),
            ("fd.lnet", &["fd.lip"]),
            ("fd.rnet", &["fd.rip"]),
        ] {
            let ends: Vec<_> = ends.iter().map(|end| self.stored(end)).collect();
            let all: Vec<_> = ends.iter().flat_map(Values::as_slice).cloned().collect();
            if !all.is_empty() {
                self.add(field, Values::Many(all));
            }
        }
    }

    fn add(&mut self, field: &str, values: Values<'a>) {
        if let Ok((_, asked)) = known(field)
            && self.values(&asked) == Values::Absent
        {
            self.put(asked, values);
        }
    }

    fn stored(&self, field: &str) -> Values<'a> {
        let Ok((_, asked)) = known(field) else { return Values::Absent };
        self.entry(&asked).cloned().unwrap_or_default()
    }

    fn entry(&self, field: &FieldRef) -> Option<&Values<'a>> {
        let mut from = 0;
        // Most fields are absent, or there once.
        while let Some(at) = self.slots[from..].iter().position(|slot| *slot == field.slot) {
            let (argument, values) = &self.values[from + at];
            if *argument == field.argument {
                return Some(values);
            }
            from += at + 1;
        }
        None
    }
}

const TYPE: &str = "the value does not have the type of the field";

/// A field of the table, with its type.
fn known(name: &str) -> Result<(FieldType, FieldRef), RecordedError> {
    let named = Fields::known().named(name).map_err(|why| RecordedError::new(name, why))?;
    Ok((named.0.kind, named.1))
}

/// A scalar in the type of its field.
fn typed(value: Json<'_>, kind: FieldType) -> Option<Value<'_>> {
    match value.scalar_text()? {
        Cow::Borrowed(text) => Value::parse(text, kind),
        Cow::Owned(text) => Some(Value::parse(&text, kind)?.into_owned_value()),
    }
}

impl Event for Recorded<'_> {
    fn values(&self, field: &FieldRef) -> Values<'_> {
        match (self.entry(field), field.argument.as_deref()) {
            (Some(values), _) => values.borrowed(),
            (None, None) if field.name == "evt.source" => Values::One(Value::text("syscall")),
            // A list of ancestors, of which one is asked for: `proc.aname[1]` is the parent.
            (None, Some(index)) if field.name.starts_with("proc.a") => {
                let index =
                    std::str::from_utf8(index).ok().and_then(|text| text.parse::<usize>().ok());
                let index = index.and_then(|index| index.checked_sub(1));
                let all = self.entry(&FieldRef { argument: None, ..field.clone() });
                let all = all.filter(|all| matches!(all, Values::Many(_)));
                let one = index.zip(all).and_then(|(index, all)| all.as_slice().get(index));
                one.map_or(Values::Absent, |value| Values::One(value.borrowed()))
            }
            (None, _) => Values::Absent,
        }
    }
}

#[cfg(test)]
mod tests {
    use pavisade_yaml::{Source, read};

    use super::*;

    /// The value of a field of an event, as outputs print it, or why there is no event.
    fn value(event: &str, field: &str) -> Result<Option<String>, String> {
        let documents = read(&Source::new("event", event));
        let event = Recorded::read(documents.docs[0].root()).map_err(|error| error.to_string())?;
        let (_, field) = Fields::known().named(field).unwrap();
        let values = event.values(&field);
        let texts: Vec<_> = values.as_slice().iter().map(Value::to_text).collect();
        Ok((values != Values::Absent).then(|| texts.join(" ")))
    }

    #[test]
    fn what_follows_from_other_fields_is_there() {
        let file = r#"{"evt.type": "openat", "fd.name": "/etc/ssl/cert.pem"}"#;
        let connection = r#"{"evt.type": "connect", "fd.cip": "10.0.0.1", "fd.sip": "10.0.0.2", "fd.sport": 443}"#;
        for (event, field, want) in [
            (file, "fd.directory", Some("/etc/ssl")),
            (file, "fd.filename", Some("cert.pem")),
            (r#"{"evt.type": "openat", "fd.name": "/a"}"#, "fd.directory", Some("/")),
            (
                r#"{"evt.type": "openat", "fd.name": "/a", "fd.directory": "/b"}"#,
                "fd.directory",
                Some("/b"),
            ),
            (connection, "fd.ip", Some("10.0.0.1 10.0.0.2")),
            (connection, "fd.snet", Some("10.0.0.2")),
            (connection, "fd.port", Some("443")),
            (connection, "fd.lnet", None),
            (connection, "fd.filename", None),
        ] {
            assert_eq!(value(event, field), Ok(want.map(str::to_owned)), "{event} {field}");
        }
    }

    #[test]
    fn ancestors_are_counted_from_the_parent() {
        let event = r#"{"evt.type": "execve", "proc.aname": ["sh", "sshd"], "fd.types": ["file"]}"#;
        for (field, want) in [
            ("proc.aname[0]", None),
            ("proc.aname[1]", Some("sh")),
            ("proc.aname[2]", Some("sshd")),
            ("proc.aname[3]", None),
            // The argument is the number of a file descriptor.
            ("fd.types[1]", None),
        ] {
            assert_eq!(value(event, field), Ok(want.map(str::to_owned)), "{field}");
        }
    }

    #[test]
    fn what_is_no_event_is_refused_with_its_field() {
        for (event, field) in [
            ("[]", "event"),
            ("{}", "evt.type"),
            (r#"{"evt.type": null}"#, "evt.type"),
            (r#"{"evt.type": ["execve", "openat"]}"#, "evt.type"),
            (r#"{"evt.type": "close", "evt.num": 0}"#, "evt.num"),
            (r#"{"evt.type": "close", "proc.nam": "a"}"#, "proc.nam"),
            (r#"{"evt.type": "close", "fd.sip": "10.0.0"}"#, "fd.sip"),
            (r#"{"evt.type": "close", "proc.tty": "<NA>"}"#, "proc.tty"),
        ] {
            let error = value(event, "proc.name").unwrap_err();
            assert!(error.starts_with(&format!("{field}: ")), "{event}: {error}");
        }
        let alert = r#"{"rule": "a", "output_fields": {"evt.type": "close", "proc.name": "b"}}"#;
        assert_eq!(value(alert, "proc.name"), Ok(Some("b".to_owned())));
    }
}
