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
    values: Vec<Entry<'a>>,
}

/// The number of a field, its argument, and its values.
type Entry<'a> = (u16, Option<Cow<'a, [u8]>>, Values<'a>);

/// A field that is not one, or does not have such a value.
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

impl<'a> Recorded<'a> {
    /// Reads an event from a JSON object. Fields that are `null` are absent.
    ///
    /// # Errors
    /// It is no object with an `evt.type`, a field is unknown, or a value is not of its type.
    pub fn read(root: Json<'a>) -> Result<Self, RecordedError> {
        let root = root.get("output_fields").unwrap_or(root);
        let wrong = |field: &str, message: &str| RecordedError {
            field: field.to_owned(),
            message: message.to_owned(),
        };
        if root.kind() != Kind::Mapping {
            return Err(wrong("event", "not an object"));
        }
        let known = Fields::known();
        let mut event = Self::default();
        for (name, value) in root.entries() {
            let (info, field) = known
                .named(name)
                .map_err(|message| RecordedError { field: name.to_owned(), message })?;
            let values = match value.kind() {
                Kind::Sequence => {
                    let all = value.items().map(|value| typed(value, info.kind));
                    Values::Many(all.collect::<Option<_>>().ok_or_else(|| wrong(name, TYPE))?)
                }
                _ if value.is_null() => continue,
                _ => Values::One(typed(value, info.kind).ok_or_else(|| wrong(name, TYPE))?),
            };
            event.put(info.slot, field.argument.map(Cow::Owned), values);
        }
        if !matches!(event.stored("evt.type"), Values::One(_)) {
            return Err(wrong("evt.type", "an event has one type"));
        }
        // Events are numbered from 1; rules have `evt.num = 0` for what is never true.
        if matches!(event.stored("evt.num"), Values::One(Value::Int(..=0))) {
            return Err(wrong("evt.num", "events are numbered from 1"));
        }
        event.complete();
        Ok(event)
    }

    /// Sets a field, in its type.
    ///
    /// # Errors
    /// There is no such field.
    pub fn set(&mut self, field: &str, values: Values<'a>) -> Result<(), RecordedError> {
        let named = Fields::known().named(field);
        let (info, asked) =
            named.map_err(|message| RecordedError { field: field.to_owned(), message })?;
        self.put(info.slot, asked.argument.map(Cow::Owned), values);
        Ok(())
    }

    fn put(&mut self, slot: u16, argument: Option<Cow<'a, [u8]>>, values: Values<'a>) {
        self.values.push((slot, argument, values));
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
        for [both, ends @ ..] in [
            ["fd.ip", "fd.cip", "fd.sip"],
            ["fd.net", "fd.cip", "fd.sip"],
            ["fd.port", "fd.cport", "fd.sport"],
        ] {
            let ends = ends.map(|end| self.stored(end));
            let all: Vec<_> = ends.iter().flat_map(Values::as_slice).cloned().collect();
            if !all.is_empty() {
                self.add(both, Values::Many(all));
            }
        }
        for (address, net) in [
            ("fd.cip", "fd.cnet"),
            ("fd.sip", "fd.snet"),
            ("fd.lip", "fd.lnet"),
            ("fd.rip", "fd.rnet"),
        ] {
            let address = self.stored(address);
            self.add(net, address);
        }
    }

    fn add(&mut self, field: &str, values: Values<'a>) {
        let asked = slot(field);
        if values != Values::Absent && self.values(&asked) == Values::Absent {
            self.put(asked.slot, None, values);
        }
    }

    fn stored(&self, field: &str) -> Values<'a> {
        let asked = slot(field);
        let found = self
            .values
            .iter()
            .find(|(slot, argument, _)| *slot == asked.slot && argument.is_none());
        found.map_or(Values::Absent, |(.., values)| values.clone())
    }
}

const TYPE: &str = "the value does not have the type of the field";

/// A field of the table.
fn slot(name: &str) -> FieldRef {
    let field = Fields::known().named(name).ok().map(|(_, field)| field);
    field.unwrap_or(FieldRef { name: name.to_owned(), argument: None, slot: u16::MAX })
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
        let wanted = field.argument.as_deref();
        let found = self
            .values
            .iter()
            .find(|(slot, argument, _)| *slot == field.slot && argument.as_deref() == wanted);
        match (found, wanted) {
            (Some((.., values)), _) => values.borrowed(),
            (None, None) if field.name == "evt.source" => Values::One(Value::text("syscall")),
            // A list of ancestors, of which one is asked for: `proc.aname[1]` is the parent.
            (None, Some(index)) if field.name.starts_with("proc.a") => {
                let index =
                    std::str::from_utf8(index).ok().and_then(|text| text.parse::<usize>().ok());
                let index = index.and_then(|index| index.checked_sub(1));
                let all = self.values.iter().find(|(slot, argument, values)| {
                    *slot == field.slot && argument.is_none() && matches!(values, Values::Many(_))
                });
                let one = index.zip(all).and_then(|(index, (.., all))| all.as_slice().get(index));
                one.map_or(Values::Absent, |value| Values::One(value.borrowed()))
            }
            (None, _) => Values::Absent,
        }
    }
}
