//! A TLS client's first message with versions or cipher suites that no current library offers, and
//! the server's answer to it (RFC 5246, RFC 4346). Only the first record of the answer is read.

/// Cipher suites without forward secrecy, with RC4, 3DES or no encryption, or without
/// authentication.
const WEAK: [u16; 22] = [
    0x0001, 0x0002, 0x0003, 0x0004, 0x0005, 0x000a, 0x0016, 0x0018, 0x001b, 0x002f, 0x0034, 0x0035,
    0x003b, 0x003c, 0x003d, 0x009c, 0x009d, 0xc006, 0xc007, 0xc008, 0xc011, 0xc012,
];
/// Suites that servers of TLS 1.0 and 1.1 support.
const OLD: [u16; 9] = [0xc009, 0xc00a, 0xc013, 0xc014, 0x002f, 0x0035, 0x000a, 0x0033, 0x0039];

/// A server's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reply {
    /// It chose a version and a cipher suite.
    Hello { version: u16, cipher: u16 },
    /// An alert.
    Alert(u8),
    /// It does not speak TLS.
    Other,
}

/// Returns the first message of a client whose highest version is `version` (`0x0301` is TLS 1.0).
pub(crate) fn client_hello(version: u16, weak: bool, random: [u8; 32]) -> Vec<u8> {
    let ciphers: &[u16] = if weak { &WEAK } else { &OLD };
    let mut body = version.to_be_bytes().to_vec();
    body.extend(random);
    body.push(0);
    body.extend((ciphers.len() as u16 * 2).to_be_bytes());
    body.extend(ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()));
    body.extend([1, 0]);
    let mut extensions = Vec::new();
    let mut extension = |kind: u16, data: &[u8]| {
        extensions.extend(kind.to_be_bytes());
        extensions.extend((data.len() as u16).to_be_bytes());
        extensions.extend(data);
    };
    // supported_groups: x25519, secp256r1, secp384r1.
    extension(10, &[0, 6, 0, 0x1d, 0, 0x17, 0, 0x18]);
    // ec_point_formats: uncompressed.
    extension(11, &[1, 0]);
    // signature_algorithms: RSA and ECDSA with SHA-256, SHA-384 and SHA-1; RSA-PSS.
    extension(13, &[0, 16, 4, 1, 4, 3, 5, 1, 5, 3, 2, 1, 2, 3, 8, 4, 8, 5]);
    body.extend((extensions.len() as u16).to_be_bytes());
    body.extend(extensions);
    let mut message = vec![1];
    message.extend(&(body.len() as u32).to_be_bytes()[1..]);
    message.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}

/// Reads the beginning of a server's answer. `None` if more is needed.
pub fn reply(bytes: &[u8]) -> Option<Answered> {
    let (&kind, rest) = bytes.split_first()?;
    let other = Some(Answered(Reply::Other));
    if !matches!(kind, 21 | 22) || rest.first().is_some_and(|major| *major != 3) {
        return other;
    }
    let (Some(length), Some(body)) = (rest.get(2..4), rest.get(4..)) else { return None };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    // Records have at most 2^14 bytes, and some room.
    if length > (1 << 14) + 2048 {
        return other;
    }
    if kind == 21 {
        return match (length, body.get(1)) {
            (2, Some(alert)) => Some(Answered(Reply::Alert(*alert))),
            (2, None) => None,
            _ => other,
        };
    }
    // ServerHello: type, length, version, random, session.
    let &kind = body.first()?;
    if kind != 2 {
        return other;
    }
    let (Some(version), Some(&session)) = (body.get(4..6), body.get(38)) else {
        return if length < 39 { other } else { None };
    };
    let at = 39 + usize::from(session);
    match body.get(at..at + 2) {
        Some(cipher) => Some(Answered(Reply::Hello {
            version: u16::from_be_bytes([version[0], version[1]]),
            cipher: u16::from_be_bytes([cipher[0], cipher[1]]),
        })),
        None if length < at + 2 => other,
        None => None,
    }
}

/// A server's answer, as the fuzz target sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered(pub(crate) Reply);

/// Returns the name of a version.
pub(crate) fn version_name(version: u16) -> String {
    match version {
        0x0300 => "SSL 3.0".to_owned(),
        0x0301 => "TLS 1.0".to_owned(),
        0x0302 => "TLS 1.1".to_owned(),
        0x0303 => "TLS 1.2".to_owned(),
        0x0304 => "TLS 1.3".to_owned(),
        other => format!("version {other:#06x}"),
    }
}

/// Returns the name of a weak or old cipher suite (IANA, without `TLS_`).
pub(crate) fn cipher_name(cipher: u16) -> String {
    let name = match cipher {
        0x0001 => "RSA_WITH_NULL_MD5",
        0x0002 => "RSA_WITH_NULL_SHA",
        0x0003 => "RSA_EXPORT_WITH_RC4_40_MD5",
        0x0004 => "RSA_WITH_RC4_128_MD5",
        0x0005 => "RSA_WITH_RC4_128_SHA",
        0x000a => "RSA_WITH_3DES_EDE_CBC_SHA",
        0x0016 => "DHE_RSA_WITH_3DES_EDE_CBC_SHA",
        0x0018 => "DH_anon_WITH_RC4_128_MD5",
        0x001b => "DH_anon_WITH_3DES_EDE_CBC_SHA",
        0x002f => "RSA_WITH_AES_128_CBC_SHA",
        0x0033 => "DHE_RSA_WITH_AES_128_CBC_SHA",
        0x0034 => "DH_anon_WITH_AES_128_CBC_SHA",
        0x0035 => "RSA_WITH_AES_256_CBC_SHA",
        0x0039 => "DHE_RSA_WITH_AES_256_CBC_SHA",
        0x003b => "RSA_WITH_NULL_SHA256",
        0x003c => "RSA_WITH_AES_128_CBC_SHA256",
        0x003d => "RSA_WITH_AES_256_CBC_SHA256",
        0x009c => "RSA_WITH_AES_128_GCM_SHA256",
        0x009d => "RSA_WITH_AES_256_GCM_SHA384",
        0xc006 => "ECDHE_ECDSA_WITH_NULL_SHA",
        0xc007 => "ECDHE_ECDSA_WITH_RC4_128_SHA",
        0xc008 => "ECDHE_ECDSA_WITH_3DES_EDE_CBC_SHA",
        0xc009 => "ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
        0xc00a => "ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
        0xc011 => "ECDHE_RSA_WITH_RC4_128_SHA",
        0xc012 => "ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
        0xc013 => "ECDHE_RSA_WITH_AES_128_CBC_SHA",
        0xc014 => "ECDHE_RSA_WITH_AES_256_CBC_SHA",
        other => return format!("{other:#06x}"),
    };
    name.to_owned()
}

/// Returns the name of an alert (RFC 5246, 7.2; RFC 8446, 6).
pub(crate) fn alert_name(alert: u8) -> String {
    let name = match alert {
        10 => "unexpected message",
        40 => "handshake failure",
        42 => "bad certificate",
        47 => "illegal parameter",
        50 => "decode error",
        70 => "protocol version",
        71 => "insufficient security",
        80 => "internal error",
        86 => "inappropriate fallback",
        109 => "missing extension",
        112 => "unrecognized name",
        116 => "certificate required",
        other => return format!("alert {other}"),
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_record_of_an_answer_is_read() {
        let hello = |session: usize| {
            let mut body = vec![3, 3];
            body.extend([7; 32]);
            body.push(session as u8);
            body.extend(vec![9; session]);
            body.extend([0, 0x2f, 0]);
            let mut message = vec![2, 0, 0, body.len() as u8];
            message.extend(body);
            let mut record = vec![22, 3, 3, 0, message.len() as u8];
            record.extend(message);
            record
        };
        for session in [0, 32] {
            let bytes = hello(session);
            let expect = Reply::Hello { version: 0x0303, cipher: 0x002f };
            assert_eq!(reply(&bytes), Some(Answered(expect)));
            // Nothing is decided before the suite is there.
            for cut in 0..bytes.len() - 2 {
                assert_eq!(reply(&bytes[..cut]), None, "{cut}");
            }
        }
        assert_eq!(reply(&[21, 3, 1, 0, 2, 2, 70]), Some(Answered(Reply::Alert(70))));
        assert_eq!(reply(b"HTTP/1.0 400 Bad"), Some(Answered(Reply::Other)));
        assert_eq!(reply(b"SSH-2.0"), Some(Answered(Reply::Other)));
    }

    #[test]
    fn lengths_of_a_hello_add_up() {
        for weak in [false, true] {
            let bytes = client_hello(0x0303, weak, [0; 32]);
            let length = usize::from(u16::from_be_bytes([bytes[3], bytes[4]]));
            assert_eq!(length, bytes.len() - 5);
            let inner = u32::from_be_bytes([0, bytes[6], bytes[7], bytes[8]]) as usize;
            assert_eq!(inner, bytes.len() - 9);
        }
        assert!(!WEAK.iter().any(|cipher| cipher_name(*cipher).starts_with("0x")));
        assert!(!OLD.iter().any(|cipher| cipher_name(*cipher).starts_with("0x")));
    }
}
