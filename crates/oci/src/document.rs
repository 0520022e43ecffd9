//! The JSON documents of images, read so that every program reads the same.
//!
//! Go's `encoding/json`, by which registries, containerd and Docker read them, takes a field under any
//! case of its letters, and of several the last. Other readers take one spelling alone. A document
//! whose meaning depends on this is refused, as is one that names a field twice.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::Refusal;

/// A document of an image.
pub(crate) trait Document: DeserializeOwned {
    /// The fields that are read of it, at all depths.
    const FIELDS: &'static [&'static str];
}

/// Fields whose keys are free texts, in which case counts.
const FREE: [&str; 4] = ["annotations", "labels", "exposedports", "volumes"];

/// Reads a document.
///
/// # Errors
/// It is not JSON of that form, or not all programs would read the same.
pub(crate) fn parse<T: Document>(text: &[u8], what: &str) -> Result<T, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::Document {
        what: what.to_owned(),
        error: error.to_string(),
    };
    let mut json = serde_json::Deserializer::from_slice(text);
    Keys { fields: T::FIELDS, free: false }.deserialize(&mut json).map_err(wrong)?;
    serde_json::from_slice(text).map_err(wrong)
}

/// Goes through all keys of a value.
#[derive(Clone, Copy)]
struct Keys {
    fields: &'static [&'static str],
    /// Whether keys are no fields.
    free: bool,
}

/// A key as Go compares it with the names of fields: these are ASCII, so of all letters beyond only
/// the long s and the sign of the kelvin count.
fn folded(key: &str) -> String {
    let letter = |c: char| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        c => c.to_ascii_lowercase(),
    };
    key.chars().map(letter).collect()
}

impl Keys {
    fn check(self, key: &str, folded: &str) -> Result<(), String> {
        match self.fields.iter().find(|field| field.eq_ignore_ascii_case(folded)) {
            Some(field) if *field != key => {
                Err(format!("it has a field `{key}`, which some programs read as `{field}`"))
            }
            _ => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Keys {
    type Value = ();

    fn deserialize<D: de::Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Keys {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = HashSet::new();
        while let Some(key) = map.next_key::<String>()? {
            let folded = folded(&key);
            let free = self.free || FREE.contains(&folded.as_str());
            if !self.free {
                self.check(&key, &folded).map_err(de::Error::custom)?;
                if !seen.insert(folded) {
                    let why = format!("it has the field `{key}` twice, or in another case as well");
                    return Err(de::Error::custom(why));
                }
            }
            map.next_value_seed(Self { free, ..self })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while list.next_element_seed(self)?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Any {}

    impl Document for Any {
        const FIELDS: &'static [&'static str] = &["layers", "diskSize", "User"];
    }

    #[test]
    fn fields_have_one_spelling() {
        for (text, expect) in [
            (r#"{"layers": [], "other": {"a": 1, "b": null}}"#, None),
            (r#"{"layers": [], "Layers": []}"#, Some("some programs read as `layers`")),
            (r#"{"Layers": []}"#, Some("some programs read as `layers`")),
            (r#"{"config": [{"user": "0"}]}"#, Some("some programs read as `User`")),
            (r#"{"layers": [], "layers": []}"#, Some("`layers` twice")),
            (r#"{"layerſ": []}"#, Some("some programs read as `layers`")),
            ("{\"dis\u{212a}Size\": 1}", Some("some programs read as `diskSize`")),
            // Escapes are the same letters.
            (r#"{"\u004cayers": []}"#, Some("some programs read as `layers`")),
            (r#"{"other": 1, "Other": 2}"#, Some("`Other` twice, or in another case")),
            // Labels are texts of users, whatever their case.
            (r#"{"Labels": {"a": "1", "A": "2", "Layers": "x", "user": ""}}"#, None),
            (r#"{"annotations": {"User": "1", "user": "2"}}"#, None),
            (r#"{"Volumes": {"/layers": {}, "/Layers": {}}}"#, None),
            (r#"[{"User": true}, {"user": -1.5}]"#, Some("some programs read as `User`")),
            ("{", Some("EOF")),
        ] {
            let said = parse::<Any>(text.as_bytes(), "a").err().map(|error| error.to_string());
            match expect {
                Some(expect) => {
                    let said = said.unwrap_or_default();
                    assert!(said.contains(expect), "{text}: {said}");
                }
                None => assert_eq!(said, None, "{text}"),
            }
        }
    }
}
