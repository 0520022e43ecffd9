//! DNS over TCP (RFC 1035, RFC 5936): one question, and the names in the answer. The messages are
//! pure; `send` opens the connection.

use std::fmt;
use std::net::IpAddr;

/// The largest number of records of an answer that are read.
const RECORDS: usize = 1000;
/// The largest number of labels and links of a name.
const STEPS: usize = 128;

/// A question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Question {
    /// The name, without the last dot.
    pub name: String,
    /// The type of the records.
    pub kind: RecordKind,
}

/// A type of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// The name of an address.
    Ptr,
    /// The ports of a service.
    Srv,
    /// A whole zone.
    Axfr,
}

impl RecordKind {
    fn number(self) -> u16 {
        match self {
            Self::Ptr => 12,
            Self::Srv => 33,
            Self::Axfr => 252,
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            RecordKind::Ptr => "PTR",
            RecordKind::Srv => "SRV",
            RecordKind::Axfr => "AXFR",
        };
        write!(f, "DNS {kind} {}", self.name)
    }
}

impl Question {
    /// Asks for the name of an address.
    pub(crate) fn name_of(address: IpAddr) -> Self {
        let name = match address {
            IpAddr::V4(address) => {
                let [a, b, c, d] = address.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(address) => {
                let digits = address.octets().into_iter().rev();
                let digits = digits.map(|byte| format!("{:x}.{:x}", byte & 15, byte >> 4));
                format!("{}.ip6.arpa", digits.collect::<Vec<_>>().join("."))
            }
        };
        Self { name, kind: RecordKind::Ptr }
    }

    /// Returns the message with its length.
    pub(crate) fn message(&self) -> Vec<u8> {
        // One question, recursion desired.
        let mut body = vec![0x50, 0x56, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in self.name.split('.') {
            body.push(label.len().min(63) as u8);
            body.extend_from_slice(&label.as_bytes()[..label.len().min(63)]);
        }
        body.push(0);
        body.extend(self.kind.number().to_be_bytes());
        body.extend(1_u16.to_be_bytes());
        let mut message = (body.len() as u16).to_be_bytes().to_vec();
        message.extend(body);
        message
    }
}

/// The answer to a question.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// The response code: 0 if there is no error.
    pub code: u8,
    /// The owners of the records, and the names to which they lead.
    pub names: Vec<String>,
}

/// Reads an answer, without its length. `None` if it is not one.
pub fn names(message: &[u8]) -> Option<Names> {
    let number = |at: usize| Some(u16::from_be_bytes([*message.get(at)?, *message.get(at + 1)?]));
    let flags = number(2)?;
    if number(0)? != 0x5056 || flags & 0x8000 == 0 {
        return None;
    }
    let (questions, answers) = (number(4)?, number(6)?);
    let mut at = 12;
    for _ in 0..questions {
        at = name(message, at)?.1 + 4;
    }
    let mut found = Names { code: (flags & 15) as u8, names: Vec::new() };
    for _ in 0..usize::from(answers).min(RECORDS) {
        let (owner, after) = name(message, at)?;
        let kind = number(after)?;
        let data = after + 10;
        at = data + usize::from(number(after + 8)?);
        found.names.push(owner);
        match kind {
            12 => found.names.push(name(message, data)?.0),
            33 => found.names.push(name(message, data + 6)?.0),
            _ => {}
        }
    }
    Some(found)
}

/// Reads a name. Returns it with the position after it.
fn name(message: &[u8], mut at: usize) -> Option<(String, usize)> {
    let (mut text, mut end) = (String::new(), None);
    for _ in 0..STEPS {
        let length = usize::from(*message.get(at)?);
        match length {
            0 => return Some((text, end.unwrap_or(at + 1))),
            1..=63 => {
                let label = message.get(at + 1..at + 1 + length)?;
                if !text.is_empty() {
                    text.push('.');
                }
                // A name is shown to people.
                text.extend(label.iter().map(|byte| match byte {
                    b'!'..=b'~' => char::from(*byte),
                    _ => '?',
                }));
                at += 1 + length;
            }
            // A link to an earlier name.
            192..=255 => {
                end.get_or_insert(at + 2);
                at = (length & 63) << 8 | usize::from(*message.get(at + 1)?);
            }
            _ => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_answered() {
        let question = Question::name_of("10.96.0.10".parse().unwrap());
        assert_eq!(question.to_string(), "DNS PTR 10.0.96.10.in-addr.arpa");
        let asked = question.message();
        assert_eq!(usize::from(asked[1]), asked.len() - 2);
        let mut answer = asked[2..].to_vec();
        (answer[2], answer[7]) = (0x81, 1);
        answer.extend([0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 5]);
        let target = b"\x08kube-dns\x0bkube-system\x03svc\x07cluster\x05local\0";
        answer.extend((target.len() as u16).to_be_bytes());
        answer.extend(target);
        let read = names(&answer).unwrap();
        assert_eq!(read.code, 0);
        assert_eq!(
            read.names,
            ["10.0.96.10.in-addr.arpa", "kube-dns.kube-system.svc.cluster.local"]
        );
        // Damage is not fatal, and a link to itself ends.
        for at in 0..answer.len() {
            let _ = names(&answer[..at]);
            let mut damaged = answer.clone();
            damaged[at] ^= 0xff;
            let _ = names(&damaged);
        }
        assert_eq!(names(&[0x50, 0x56, 0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12]), None);
        // A question is not an answer.
        assert_eq!(names(&asked[2..]), None);
        let six = Question::name_of("fd00::1".parse().unwrap());
        assert!(six.name.starts_with("1.0.0.0.") && six.name.ends_with("0.0.d.f.ip6.arpa"));
    }
}
