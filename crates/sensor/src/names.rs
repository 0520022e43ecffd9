//! Questions to name servers and their answers (RFC 1035, section 4).

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;

/// The longest name in a message.
const MAX_NAME: usize = 255;

/// What a name server is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The name in lower case, without the last dot. Bytes that no name of a host has are written as in
    /// zone files: `\032`.
    pub name: String,
    /// The type of record.
    pub kind: u16,
}

/// Reads the question of a message; nothing if it is not one question, or is cut.
pub fn question(message: &[u8]) -> Option<Question> {
    let (header, rest) = message.split_at_checked(12)?;
    // Not a response, an ordinary query, one question.
    if header[2] & 0xf8 != 0 || header[4..6] != [0, 1] {
        return None;
    }
    Some(asked(rest)?.0)
}

/// How many answers of a message are read.
const MAX_ANSWERS: usize = 32;

/// Reads the question and the addresses of a response; nothing if there is no address. Of a message that
/// is cut, what is there is read. Aliases are not followed: the addresses are those of the name that was
/// asked for.
pub fn answer(message: &[u8]) -> Option<(Question, Vec<IpAddr>)> {
    let (header, rest) = message.split_at_checked(12)?;
    if header[2] & 0xf8 != 0x80 || header[4..6] != [0, 1] {
        return None;
    }
    let (question, mut rest) = asked(rest)?;
    let count = usize::from(u16::from_be_bytes([header[6], header[7]]));
    let mut addresses = Vec::new();
    for _ in 0..count.min(MAX_ANSWERS) {
        let Some((record, after)) = record(rest) else { break };
        addresses.extend(record);
        rest = after;
    }
    (!addresses.is_empty()).then_some((question, addresses))
}

/// The address in a record, if it has one, and what follows the record.
fn record(mut rest: &[u8]) -> Option<(Option<IpAddr>, &[u8])> {
    // The name: labels up to the root or a pointer, which is not followed.
    loop {
        let (length, after) = rest.split_first()?;
        match length {
            0 => {
                rest = after;
                break;
            }
            0xc0.. => {
                rest = after.get(1..)?;
                break;
            }
            length => rest = after.get(usize::from(*length)..)?,
        }
    }
    let (fixed, after) = rest.split_at_checked(10)?;
    let length = usize::from(u16::from_be_bytes([fixed[8], fixed[9]]));
    let (data, after) = after.split_at_checked(length)?;
    let address = match fixed[..4] {
        [0, 1, 0, 1] => <[u8; 4]>::try_from(data).ok().map(IpAddr::from),
        [0, 28, 0, 1] => <[u8; 16]>::try_from(data).ok().map(IpAddr::from),
        _ => None,
    };
    Some((address.map(|address| address.to_canonical()), after))
}

/// The question behind a header, and what follows it.
fn asked(mut rest: &[u8]) -> Option<(Question, &[u8])> {
    let mut name = String::new();
    let whole = rest.len();
    loop {
        let (length, after) = rest.split_first()?;
        // The two upper bits mark a pointer to an earlier name. No name is before the first question.
        let (label, after) = after.split_at_checked(usize::from(*length))?;
        if *length > 63 || whole - after.len() > MAX_NAME {
            return None;
        }
        rest = after;
        if label.is_empty() {
            break;
        }
        if !name.is_empty() {
            name.push('.');
        }
        for byte in label {
            match byte {
                b'.' | b'\\' => write!(name, "\\{}", char::from(*byte)).ok()?,
                0x21..=0x7e => name.push(char::from(byte.to_ascii_lowercase())),
                _ => write!(name, "\\{byte:03}").ok()?,
            }
        }
    }
    let kind = u16::from_be_bytes(rest.get(..2)?.try_into().ok()?);
    // Behind the class.
    let rest = rest.get(4..)?;
    if name.is_empty() {
        name.push('.');
    }
    Some((Question { name, kind }, rest))
}

/// How many addresses are remembered, how many of one container, and how many names of each.
const MAX_ADDRESSES: usize = 4096;
const MAX_OF_CONTAINER: usize = 1024;
const MAX_NAMES: usize = 4;

/// Addresses with the names that led to them, for each container: another one may have asked for
/// another name with the same address.
#[derive(Debug, Default)]
pub(crate) struct Names {
    containers: HashMap<u64, HashMap<IpAddr, Vec<Arc<str>>>>,
}

impl Names {
    /// Takes an answer. Where there is no room, the container with the most addresses loses its own: one that
    /// asks for many names does not erase those of others.
    pub(crate) fn add(&mut self, container: u64, name: &str, addresses: &[IpAddr]) {
        let new = addresses.len();
        if self.containers.get(&container).is_some_and(|own| own.len() + new > MAX_OF_CONTAINER) {
            self.containers.remove(&container);
        }
        if self.containers.values().map(HashMap::len).sum::<usize>() + new > MAX_ADDRESSES {
            let largest = self.containers.iter().max_by_key(|(_, all)| all.len());
            if let Some(largest) = largest.map(|(number, _)| *number) {
                self.containers.remove(&largest);
            }
        }
        let own = self.containers.entry(container).or_default();
        let name: Arc<str> = name.into();
        for address in addresses {
            let names = own.entry(*address).or_default();
            names.retain(|other| *other != name);
            names.insert(0, name.clone());
            names.truncate(MAX_NAMES);
        }
    }

    /// The names of an end of a connection, the last first.
    pub(crate) fn of(&self, container: u64, end: Option<(IpAddr, u16)>) -> &[Arc<str>] {
        let names = end.and_then(|(address, _)| self.containers.get(&container)?.get(&address));
        names.map_or(&[], |names| names)
    }
}

/// The name of a type of record, or `TYPE` and its number (RFC 3597).
pub(crate) fn type_name(kind: u16) -> Cow<'static, str> {
    Cow::Borrowed(match kind {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        10 => "NULL",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        35 => "NAPTR",
        64 => "SVCB",
        65 => "HTTPS",
        251 => "IXFR",
        252 => "AXFR",
        255 => "ANY",
        other => return Cow::Owned(format!("TYPE{other}")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A message with one question.
    fn message(labels: &[&[u8]], kind: u16) -> Vec<u8> {
        let mut bytes = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        for label in labels {
            bytes.push(u8::try_from(label.len()).unwrap());
            bytes.extend(*label);
        }
        bytes.push(0);
        bytes.extend(kind.to_be_bytes());
        bytes.extend([0, 1]);
        bytes
    }

    #[test]
    fn names_are_read_in_lower_case() {
        let read = |labels: &[&[u8]], kind| {
            let question = question(&message(labels, kind)).unwrap();
            (question.name, type_name(question.kind).into_owned())
        };
        assert_eq!(read(&[b"Pool", b"Example"], 1), ("pool.example".into(), "A".into()));
        assert_eq!(read(&[], 2), (".".into(), "NS".into()));
        // A dot in a label is not one between labels.
        assert_eq!(read(&[b"a.b\\", b"\x00\xff c"], 300).0, r"a\.b\\.\000\255\032c");
        assert_eq!(read(&[b"x"], 300).1, "TYPE300");
        // More records may follow, such as that of EDNS.
        let mut longer = message(&[b"a"], 28);
        longer[11] = 1;
        longer.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        assert_eq!(question(&longer).unwrap().kind, 28);
    }

    #[test]
    fn what_is_no_question_is_refused() {
        let whole = message(&[b"pool", b"example"], 1);
        for length in 0..whole.len() {
            assert_eq!(question(&whole[..length]), None, "{length}");
        }
        let changed = |at: usize, to: u8| {
            let mut bytes = whole.clone();
            bytes[at] = to;
            question(&bytes)
        };
        assert!(changed(0, 0xff).is_some());
        assert_eq!(changed(2, 0x80), None, "a response");
        assert_eq!(changed(2, 0x28), None, "an update");
        assert_eq!(changed(5, 2), None, "two questions");
        assert_eq!(changed(12, 0xc0), None, "a pointer");
        assert_eq!(changed(12, 64), None, "a label that is too long");
        let long = [&[b'a'; 63][..]; 4];
        assert_eq!(question(&message(&long, 1)), None, "257 bytes");
        let longest = [&long[..3], &[&[b'a'; 61][..]]].concat();
        assert_eq!(question(&message(&longest, 1)).unwrap().name.len(), 253);
    }

    /// The response to a message, with records: name, type, and data.
    fn response(mut bytes: Vec<u8>, records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
        bytes[2] |= 0x80;
        bytes[7] = u8::try_from(records.len()).unwrap();
        for (name, kind, data) in records {
            bytes.extend(*name);
            bytes.extend(kind.to_be_bytes());
            bytes.extend([0, 1, 0, 0, 0, 60]);
            bytes.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            bytes.extend(*data);
        }
        bytes
    }

    #[test]
    fn answers_have_the_addresses_of_the_name_that_was_asked_for() {
        let asked = message(&[b"WWW", b"example"], 1);
        let pointer = &[0xc0, 12][..];
        let alias = b"\x01a\x03cdn\xc0\x10";
        let whole = response(
            asked.clone(),
            &[(pointer, 5, alias), (alias, 1, &[10, 0, 0, 1]), (b"\x01a\0", 1, &[10, 0, 0, 2])],
        );
        let (question, addresses) = answer(&whole).unwrap();
        assert_eq!(question.name, "www.example");
        assert_eq!(addresses, [IpAddr::from([10, 0, 0, 1]), [10, 0, 0, 2].into()]);
        // Only what is there of a message that is cut.
        let first = whole.len() - 17;
        assert_eq!(answer(&whole[..first]).unwrap().1.len(), 1);
        let v6 = response(asked.clone(), &[(pointer, 28, &[1; 16]), (pointer, 1, &[1; 5])]);
        assert_eq!(answer(&v6).unwrap().1, [IpAddr::from([1; 16])]);
        // A question, no address, and records that do not end.
        assert_eq!(answer(&asked), None);
        assert_eq!(answer(&response(asked.clone(), &[(pointer, 16, b"\x02hi")])), None);
        assert_eq!(super::question(&whole), None);
        for length in 0..asked.len() + 20 {
            assert_eq!(answer(&whole[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_container_has_the_names_that_it_asked_for() {
        let mut names = Names::default();
        let address = IpAddr::from([10, 0, 0, 1]);
        let end = Some((address, 443));
        names.add(1, "a.example", &[address]);
        names.add(2, "other.example", &[address]);
        for name in ["b", "c", "d", "e", "c"] {
            names.add(1, name, &[address]);
        }
        let of =
            |container| names.of(container, end).iter().map(|name| &**name).collect::<Vec<_>>();
        assert_eq!(of(1), ["c", "e", "d", "b"]);
        assert_eq!(of(2), ["other.example"]);
        assert!(of(3).is_empty() && names.of(1, None).is_empty());
        // Another container, or some of them, do not erase these names.
        for number in 0..5000u32 {
            for other in [3, 4, 5, 6, 7] {
                names.add(other, "x", &[number.to_be_bytes().into()]);
            }
        }
        let all: usize = names.containers.values().map(HashMap::len).sum();
        assert!(all <= MAX_ADDRESSES);
        assert_eq!(names.of(2, end)[0].as_ref(), "other.example");
        assert_eq!(names.of(1, end).len(), 4);
        assert_eq!(names.of(3, Some((IpAddr::from(4999u32.to_be_bytes()), 1))).len(), 1);
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(0u8.., 0..300)) {
            let mut bytes = bytes;
            if let Some(header) = bytes.get_mut(..12) {
                header.copy_from_slice(&[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
            }
            if let Some(third) = bytes.get_mut(2) {
                *third |= 0x80;
                let _ = answer(&bytes);
                bytes[2] &= 0x7f;
            }
            if let Some(question) = question(&bytes) {
                // Each byte becomes at most four.
                assert!(question.name.len() <= 4 * MAX_NAME && question.name.is_ascii());
            }
        }
    }
}
