//! Reads an event in the form in which API servers write it, without a general parser: of values
//! that are not needed, only the structure is read.
//!
//! Whatever is unusual (another form, impersonation, a field of another type) is left to `event.rs`.
//! If that reads an event, this reads the same or leaves it; a test compares both.

use memchr::memchr2;

use crate::stored::{Annotations, ObjectRef, Status, Stored, Text, Who};

/// Reads a text that is one event. `None` leaves it to a general parser.
pub(crate) fn event(text: &str) -> Option<Stored<'_>> {
    let mut at = Cursor { text, at: 0 };
    let mut stored = Stored::default();
    at.object(&mut |at, key| match key {
        "kind" => at.text(&mut stored.kind),
        "stage" => at.text(&mut stored.stage),
        "requestURI" => at.text(&mut stored.uri),
        "verb" => at.text(&mut stored.verb),
        "requestReceivedTimestamp" => at.text(&mut stored.request_received_timestamp),
        "user" => {
            let mut who = Who::default();
            at.object(&mut |at, key| match key {
                "username" => at.text(&mut who.username),
                "groups" => at.texts(&mut who.groups),
                _ => at.pass(),
            })?;
            stored.user.replace(who).is_none().then_some(())
        }
        "objectRef" => {
            let mut object = ObjectRef::default();
            at.object(&mut |at, key| match key {
                "apiGroup" => at.text(&mut object.group),
                "resource" => at.text(&mut object.resource),
                "subresource" => at.text(&mut object.subresource),
                "namespace" => at.text(&mut object.namespace),
                "name" => at.text(&mut object.name),
                _ => at.pass(),
            })?;
            stored.object_ref.replace(object).is_none().then_some(())
        }
        "responseStatus" => {
            let mut status = Status::default();
            at.object(&mut |at, key| match key {
                "code" => at.number(&mut status.code),
                _ => at.pass(),
            })?;
            stored.response_status.replace(status).is_none().then_some(())
        }
        "annotations" => {
            let mut notes = Annotations::default();
            at.object(&mut |at, key| match key {
                "authorization.k8s.io/decision" => at.text(&mut notes.decision),
                _ => at.pass(),
            })?;
            stored.annotations.replace(notes).is_none().then_some(())
        }
        "impersonatedUser" | "items" | "events" | "logEvents" | "message" => None,
        _ => at.pass(),
    })?;
    at.blank();
    (at.at == text.len()).then_some(stored)
}

struct Cursor<'e> {
    text: &'e str,
    at: usize,
}

/// How deep values are read that are not needed.
const DEPTH: u8 = 100;

/// What to do with the value of a field.
type Field<'f, 'e> = &'f mut dyn FnMut(&mut Cursor<'e>, &'e str) -> Option<()>;

impl<'e> Cursor<'e> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes this byte, after blanks.
    fn take(&mut self, byte: u8) -> Option<()> {
        self.blank();
        let is = self.peek()? == byte;
        self.at += usize::from(is);
        is.then_some(())
    }

    /// Reads an object of which fields are needed. A key with escapes may be one of them.
    fn object(&mut self, field: Field<'_, 'e>) -> Option<()> {
        self.list(b'{', b'}', &mut |at| {
            let key = at.key().and_then(|(key, escaped)| (!escaped).then_some(key))?;
            field(at, key)
        })
    }

    /// Reads what is between these brackets, each behind a comma.
    fn list(
        &mut self,
        open: u8,
        close: u8,
        one: &mut dyn FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.take(open)?;
        if self.take(close).is_some() {
            return Some(());
        }
        loop {
            self.blank();
            one(self)?;
            if self.take(b',').is_none() {
                return self.take(close);
            }
        }
    }

    fn key(&mut self) -> Option<(&'e str, bool)> {
        self.take(b'"')?;
        let key = self.rest_of_text()?;
        self.take(b':')?;
        self.blank();
        Some(key)
    }

    /// What remains of a text, behind its first quote, and whether it contains escapes.
    fn rest_of_text(&mut self) -> Option<(&'e str, bool)> {
        let (start, mut escaped) = (self.at, false);
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let end = memchr2(b'"', b'\\', rest)?;
            if rest[end] == b'"' {
                let text = &self.text[start..self.at + end];
                self.at += end + 1;
                return Some((text, escaped));
            }
            escaped = true;
            // What is escaped is one byte, or the start of some that are no quotes.
            self.at += end + 2;
            if self.at > self.text.len() {
                return None;
            }
        }
    }

    /// Reads a text into a field that has none yet.
    fn text(&mut self, to: &mut Text<'e>) -> Option<()> {
        let start = self.at;
        self.take(b'"')?;
        let (text, escaped) = self.rest_of_text()?;
        let read = match escaped {
            true => Text::owned(serde_json::from_str(&self.text[start..self.at]).ok()?),
            false if text.bytes().any(|byte| byte < b' ') => return None,
            false => Text::borrowed(text),
        };
        std::mem::replace(to, read).is_empty().then_some(())
    }

    fn texts(&mut self, to: &mut Option<Vec<Text<'e>>>) -> Option<()> {
        let mut all = Vec::with_capacity(4);
        self.list(b'[', b']', &mut |at| {
            let mut one = Text::default();
            at.text(&mut one)?;
            all.push(one);
            Some(())
        })?;
        to.replace(all).is_none().then_some(())
    }

    /// Reads a number without sign, fraction and exponent.
    fn number(&mut self, to: &mut Option<i64>) -> Option<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        let digits = &self.text[start..self.at];
        let ended = matches!(self.peek(), Some(b',' | b'}' | b' '));
        let plain = ended && digits.len() < 10 && (digits == "0" || !digits.starts_with('0'));
        to.replace(digits.parse().ok().filter(|_| plain)?).is_none().then_some(())
    }

    fn pass(&mut self) -> Option<()> {
        self.value(DEPTH)
    }

    /// Passes over a value that is at most this deep.
    fn value(&mut self, depth: u8) -> Option<()> {
        let below = depth.checked_sub(1)?;
        match self.peek()? {
            b'"' => {
                self.at += 1;
                self.rest_of_text()?;
                Some(())
            }
            b'{' => self.list(b'{', b'}', &mut |at| {
                at.key()?;
                at.value(below)
            }),
            b'[' => self.list(b'[', b']', &mut |at| at.value(below)),
            _ => {
                let start = self.at;
                while matches!(
                    self.peek(),
                    Some(b'0'..=b'9' | b'a'..=b'z' | b'.' | b'-' | b'+' | b'E')
                ) {
                    self.at += 1;
                }
                let word = &self.text[start..self.at];
                let number = word.starts_with(|c: char| c.is_ascii_digit() || c == '-')
                    && word.bytes().all(|byte| byte == b'e' || !byte.is_ascii_lowercase());
                (number || matches!(word, "true" | "false" | "null")).then_some(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/pods?a=b\u0026c=d","verb":"get","user":{"username":"ann","groups":["devs","system:authenticated"],"extra":{"a":["b"]}},"sourceIPs":["::1"],"objectRef":{"resource":"pods","namespace":"shop","name":"web","apiVersion":"v1","subresource":"log","apiGroup":"g"},"responseStatus":{"metadata":{},"code":200},"requestObject":{"a":[1,-2.5e3,true,null,{"b":"}\"]\\"}],"c":"\u00e4"},"requestReceivedTimestamp":"2030-01-01T00:00:00.000000Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"by \"x\""}}"#;

    fn general(text: &str) -> Option<String> {
        serde_json::from_str::<Stored<'_>>(text).ok().map(|stored| format!("{stored:?}"))
    }

    fn same(text: &str) -> bool {
        match (event(text), general(text)) {
            (Some(quick), Some(general)) => format!("{quick:?}") == general,
            // What is not needed is not validated.
            (None, _) | (Some(_), None) => true,
        }
    }

    #[test]
    fn an_event_is_read_as_by_a_general_parser() {
        let spaced = EVENT.replace("\",\"", "\" ,\t \"").replace("\":\"", "\" : \"");
        for text in [EVENT, &format!(" {EVENT}\r\n"), &spaced] {
            let quick = event(text).unwrap();
            assert_eq!(Some(format!("{quick:?}")), general(text), "{text}");
        }
        assert_eq!(&*event(EVENT).unwrap().uri, "/api/v1/pods?a=b&c=d");
        assert_eq!(event("{}").map(|stored| format!("{stored:?}")), general("{}"));
    }

    #[test]
    fn what_is_unusual_is_left() {
        let change = |from: &str, to: &str| {
            let text = EVENT.replacen(from, to, 1);
            assert_ne!(text, EVENT, "{from}");
            text
        };
        for text in [
            change(r#""stage""#, r#""impersonatedUser":{"username":"bob"},"stage""#),
            change(r#""stage""#, r#""items":[],"stage""#),
            change(r#""stage""#, r#""verb":"list","stage""#),
            change(r#""verb":"get""#, r#""verb":null"#),
            change(r#""verb":"get""#, r#""v\u0065rb":"get""#),
            change(r#""verb":"get""#, "\"verb\":\"a\tb\""),
            change(r#""code":200"#, r#""code":2e2"#),
            change(r#""code":200"#, r#""code":0200"#),
            change(r#""code":200"#, r#""code":"200""#),
            change(r#"["devs","#, r#"["devs",,"#),
            change(r#""a":[1"#, r#""a":[1}"#),
            change(r#""a":[1"#, r#""a":[nil"#),
            change(r#""a":[1"#, r#""a" [1"#),
            change(r#""a":[1"#, &format!(r#""a":[{}"#, "[".repeat(200))),
            format!("{EVENT}{EVENT}"),
            format!("[{EVENT}]"),
            String::new(),
        ] {
            assert!(event(&text).is_none(), "{text}");
        }
        // A line that was cut is never an event.
        for end in (0..EVENT.len()).filter(|end| EVENT.is_char_boundary(*end)) {
            assert!(event(&EVENT[..end]).is_none(), "{}", &EVENT[..end]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        /// Changes of a few places, with what is special in JSON.
        #[test]
        fn changed_events_are_read_as_by_a_general_parser(
            changes in prop::collection::vec((any::<prop::sample::Index>(), "[\\\\\"{}\\[\\],:0-9a-u \t-]{0,3}", 0_usize..3), 1..4)
        ) {
            let mut text = EVENT.to_owned();
            for (at, put, cut) in changes {
                let start = at.index(text.len());
                let end = (start + cut).min(text.len());
                if text.is_char_boundary(start) && text.is_char_boundary(end) {
                    text.replace_range(start..end, &put);
                }
            }
            prop_assert!(same(&text), "{text}");
        }
    }
}
