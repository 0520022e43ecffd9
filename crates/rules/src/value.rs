//! Values of events.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::field::{FieldRef, FieldType};

/// One value.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    /// Text or bytes.
    Bytes(Cow<'a, [u8]>),
    /// An integer, time, duration or port.
    Int(i128),
    /// A floating-point number.
    Double(f64),
    /// A boolean.
    Bool(bool),
    /// An IP address.
    Address(IpAddr),
}

impl<'a> Value<'a> {
    /// Returns a text value.
    pub const fn text(text: &'a str) -> Self {
        Self::Bytes(Cow::Borrowed(text.as_bytes()))
    }

    /// Reads a value of a type, as outputs print it; nothing where the text is not one.
    pub fn parse(text: &'a str, kind: FieldType) -> Option<Self> {
        Some(match kind {
            FieldType::Text | FieldType::Bytes | FieldType::Opaque => Self::text(text),
            FieldType::Bool => Self::Bool(text.parse().ok()?),
            FieldType::Double => Self::Double(text.parse().ok()?),
            FieldType::Int | FieldType::Duration | FieldType::Time | FieldType::Port => {
                Self::Int(parse_int(text)?)
            }
            FieldType::Address | FieldType::Network => Self::Address(text.parse().ok()?),
        })
    }

    /// The same value, borrowed.
    pub fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::Int(number) => Value::Int(*number),
            Self::Double(number) => Value::Double(*number),
            Self::Bool(value) => Value::Bool(*value),
            Self::Address(address) => Value::Address(*address),
        }
    }

    pub(crate) fn into_owned_value(self) -> Value<'static> {
        match self {
            Self::Bytes(bytes) => Value::Bytes(Cow::Owned(bytes.into_owned())),
            Self::Int(number) => Value::Int(number),
            Self::Double(number) => Value::Double(number),
            Self::Bool(value) => Value::Bool(value),
            Self::Address(address) => Value::Address(address),
        }
    }

    /// Returns the text used in output. Invalid UTF-8 becomes U+FFFD.
    pub fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes),
            Self::Int(number) => number.to_string().into(),
            Self::Double(number) => number.to_string().into(),
            Self::Bool(value) => value.to_string().into(),
            Self::Address(address) => address.to_string().into(),
        }
    }
}

/// The values of a field in an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Values<'a> {
    /// No value: every comparison is false, even `!=`.
    #[default]
    Absent,
    /// One value.
    One(Value<'a>),
    /// Several values: addresses of both ends, names of ancestors, elements of a list.
    Many(Vec<Value<'a>>),
}

impl<'a> Values<'a> {
    /// The same values, borrowed.
    pub fn borrowed(&self) -> Values<'_> {
        match self {
            Self::Absent => Values::Absent,
            Self::One(value) => Values::One(value.borrowed()),
            Self::Many(values) => Values::Many(values.iter().map(Value::borrowed).collect()),
        }
    }

    /// The values, in order.
    pub fn as_slice(&self) -> &[Value<'a>] {
        match self {
            Self::Absent => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }
}

/// An event.
pub trait Event {
    /// Returns the values of a field of [`crate::Fields`], with its type.
    fn values(&self, field: &FieldRef) -> Values<'_>;
}

/// An IP network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// Parses `10.0.0.0/8` or a single address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().ok()?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Some(widest), |prefix| prefix.parse().ok())?;
        (prefix <= widest).then_some(Self { address, prefix })
    }

    pub(crate) fn contains(self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                u32::from(network) & mask == u32::from(address) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                u128::from(network) & mask == u128::from(address) & mask
            }
            _ => false,
        }
    }
}

/// Parses a decimal or hexadecimal integer.
pub(crate) fn parse_int(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let number = match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i128::from_str_radix(hex, 16).ok(),
        None if digits.bytes().all(|byte| byte.is_ascii_digit()) => digits.parse().ok(),
        None => None,
    }?;
    // Fields have at most 64 bits.
    (number <= i128::from(u64::MAX)).then_some(if negative { -number } else { number })
}

/// Parses a constant of a filter as a value of this type.
pub(crate) fn constant(text: &[u8], kind: FieldType) -> Result<Value<'static>, String> {
    let shown = String::from_utf8_lossy(text);
    let wrong = |what: &str| format!("filter error: {shown:?} is no {what}");
    Ok(match kind {
        FieldType::Text if text.contains(&0) => {
            return Err("filter error: a text cannot hold a NUL byte".into());
        }
        FieldType::Text | FieldType::Bytes => Value::Bytes(Cow::Owned(text.to_vec())),
        FieldType::Bool => Value::Bool(match &*shown {
            "true" | "1" => true,
            "false" | "0" => false,
            _ => return Err(wrong("boolean (true or false)")),
        }),
        FieldType::Double => Value::Double(shown.parse().map_err(|_| wrong("number"))?),
        FieldType::Int | FieldType::Duration | FieldType::Time | FieldType::Port => {
            Value::Int(parse_int(&shown).ok_or_else(|| wrong("whole number"))?)
        }
        FieldType::Address | FieldType::Network => {
            Value::Address(shown.parse().map_err(|_| wrong("IP address"))?)
        }
        FieldType::Opaque => return Err("filter error: the field cannot be compared".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_hold_addresses_of_their_family() {
        let holds = |network: &str, address: &str| {
            Network::parse(network).unwrap().contains(address.parse().unwrap())
        };
        assert!(holds("10.0.0.0/8", "10.1.2.3"));
        assert!(!holds("10.0.0.0/8", "11.0.0.0"));
        assert!(holds("0.0.0.0/0", "255.255.255.255"));
        assert!(!holds("0.0.0.0/0", "::1"));
        assert!(holds("2001:4860:4860::8888/48", "2001:4860:4860::1"));
        assert!(holds("::1", "::1") && !holds("::1", "::2"));
        for wrong in ["10.0.0.0/33", "10.0.0/8", "::/129", "a", "10.0.0.0/"] {
            assert!(Network::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn numbers_have_64_bits() {
        assert_eq!(parse_int("-1"), Some(-1));
        assert_eq!(parse_int("0x1F"), Some(31));
        assert_eq!(parse_int("18446744073709551615"), Some(u64::MAX.into()));
        for wrong in ["", "-", "1a", "0x", "18446744073709551616", "1.5", "--1", "-+1"] {
            assert_eq!(parse_int(wrong), None, "{wrong}");
        }
    }
}
