//! Strict parsing of the JSON documents of images.
//!
//! Go's `encoding/json`, which registries, containerd and Docker use, matches field names
//! case-insensitively and takes the last of duplicate fields. Other parsers do not. A document
//! whose meaning depends on the parser is rejected, as is one with duplicate fields.

use std::collections::HashSet;
use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::Refusal;

/// A JSON document of an image.
pub(crate) trait Document: DeserializeOwned {
    /// The names of the fields that are read, at all depths.
    const FIELDS: &'static [&'static str];
}

/// Fields whose keys are free text, so their case matters.
const FREE: [&str; 4] = ["annotations", "labels", "exposedports", "volumes"];

/// Parses a document.
///
/// # Errors
/// The document is not JSON of this type, or parsers would read it differently.
pub(crate) fn parse<T: Document>(text: &[u8], what: &str) -> Result<T, Refusal> {
    let wrong = |error: serde_json::Error| Refusal::Document {
        what: what.to_owned(),
        error: error.to_string(),
    };
    let mut json = serde_json::Deserializer::from_slice(text);
    Keys { fields: T::FIELDS, free: false }.deserialize(&mut json).map_err(wrong)?;
    serde_json::from_slice(text).map_err(wrong)
}

/// Visits all keys of a value.
#[derive(Clone, Copy)]
struct Keys {
    fields: &'static [&'static str],
    /// Whether the keys are free text.
    free: bool,
}

/// Folds a key like Go does to compare it with field names. These are ASCII, so of all other
/// letters only the long s and the kelvin sign matter.
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
            // Escapes stand for the same letters.
            (r#"{"\u004cayers": []}"#, Some("some programs read as `layers`")),
            (r#"{"other": 1, "Other": 2}"#, Some("`Other` twice, or in another case")),
            // Labels are free text, so their case does not matter.
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
