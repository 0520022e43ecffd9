//! Quoted strings.

/// Returns a value in double quotes, which [`unescape`] reverses.
pub fn escape(value: &[u8]) -> Vec<u8> {
    let mut text = vec![b'"'];
    for &byte in value {
        let short = match byte {
            b'"' => b'"',
            b'\\' => b'\\',
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            0x20..=0x7e => {
                text.push(byte);
                continue;
            }
            _ => {
                text.extend(format!("\\x{byte:02x}").as_bytes());
                continue;
            }
        };
        text.extend([b'\\', short]);
    }
    text.push(b'"');
    text
}

/// Returns the value of a quoted string.
///
/// # Errors
/// An unknown escape, `\'` between double quotes, or `\x` without two hexadecimal digits.
pub fn unescape(quoted: &[u8]) -> Result<Vec<u8>, String> {
    let (quote, inner) = match quoted {
        [quote @ (b'"' | b'\''), inner @ .., last] if quote == last => (*quote, inner),
        _ => return Err("a string needs the same quote at its beginning and end".into()),
    };
    let mut value = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            value.push(byte);
            continue;
        }
        let escaped = bytes.next().ok_or("a string ends in a single backslash")?;
        value.push(match escaped {
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b' ' | b'/' | b'\\' => escaped,
            b'x' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                match (digit(bytes.next()), digit(bytes.next())) {
                    // Two hexadecimal digits are at most 255.
                    (Some(high), Some(low)) => u8::try_from(high * 16 + low).unwrap_or(u8::MAX),
                    _ => return Err("\\x needs two hexadecimal digits".into()),
                }
            }
            byte if byte == quote => byte,
            other => return Err(format!("unknown escape \\{}", char::from(other).escape_debug())),
        });
    }
    Ok(value)
}
