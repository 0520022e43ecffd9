//! Validity periods of X.509 certificates (RFC 5280).
//!
//! Out of scope: signatures and names. Nothing is verified.

use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

use pavisade_secrets::base64::decode as decode_base64;

/// The validity of a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Validity {
    pub(crate) from: Timestamp,
    pub(crate) until: Timestamp,
    /// The full name in the format of RFC 4514: `CN=kube-apiserver`.
    pub(crate) subject: String,
}

/// The maximum size of a certificate in bytes, and the maximum number of certificates in a bundle.
/// Real certificates have a few thousand bytes, and the largest CA bundles a few hundred
/// certificates.
const LONGEST: usize = 64 << 10;
const MOST: usize = 512;

/// Reads a certificate in DER, encoded in base64.
///
/// # Errors
/// The reason why it cannot be read.
pub(crate) fn read_der(base64: &str) -> Result<Validity, String> {
    let bytes = decode_base64(base64).ok_or("it is not valid base64")?;
    from_der(&bytes)
}

/// Reads the certificates in a PEM text (RFC 7468), encoded in base64. Other blocks and text
/// between them are ignored. Returns none if the text is blank.
///
/// # Errors
/// The reason why a certificate cannot be read, or that there is none.
pub(crate) fn read_bundle(base64: &str) -> Result<Vec<Validity>, String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let bytes = decode_base64(base64).ok_or("it is not valid base64")?;
    let text = std::str::from_utf8(&bytes).map_err(|_| "it is not base64-encoded text")?;
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once(BEGIN) {
        let (body, after) = after.split_once(END).ok_or("a certificate in it has no end marker")?;
        if found.len() == MOST {
            return Err(format!("it contains more than {MOST} certificates"));
        }
        let body: String = body.split_whitespace().collect();
        found.push(read_der(&body)?);
        rest = after;
    }
    if found.is_empty() && !text.trim().is_empty() {
        return Err("it contains no certificate".to_owned());
    }
    Ok(found)
}

fn from_der(bytes: &[u8]) -> Result<Validity, String> {
    if bytes.len() > LONGEST {
        return Err(format!("a certificate in it has more than {LONGEST} bytes"));
    }
    let certificate = Certificate::from_der(bytes)
        .map_err(|error| format!("a certificate in it cannot be parsed: {error}"))?;
    let certificate = certificate.tbs_certificate();
    let validity = certificate.validity();
    Ok(Validity {
        from: timestamp(validity.not_before)?,
        until: timestamp(validity.not_after)?,
        subject: certificate.subject().to_string(),
    })
}

fn timestamp(time: Time) -> Result<Timestamp, String> {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).ok();
    let found = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    found.ok_or_else(|| "a certificate in it has a date that cannot be parsed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `CN=expired`, 2024-01-01 to 2025-01-01, as PEM in base64. The private key was discarded.
    const EXPIRED: &str = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSEtNSDRDQVFFd0JRWURLMlZ3TUJJeEVEQU9CZ05WQkFNTUIyVjRjR2x5WldRd0hoY05NalF3TVRBeE1EQXcKTURBd1doY05NalV3TVRBeE1EQXdNREF3V2pBU01SQXdEZ1lEVlFRRERBZGxlSEJwY21Wa01Db3dCUVlESzJWdwpBeUVBeU5MV1F4QzBxeTlrMjZpU1IwdEkrZFU1QmIwWHJIWWVHSE10cFJqMnJia3dCUVlESzJWd0EwRUF5aVAzCmxUTUJTejR1dmJrRGx1NGJqOTljZXJSbVVTZ3lHVUtZWnF3Yjg1YThYdjZickpVVHlkRWlzWDVnMzJxZ3Jjck0Ka3NIcHhKRm8yTlN3V0xzaUNBPT0KLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo=";

    #[test]
    fn a_bundle_is_read_certificate_by_certificate() {
        let one = read_bundle(EXPIRED).unwrap();
        assert_eq!(one.len(), 1);
        assert_eq!(one[0].subject, "CN=expired");
        assert_eq!(one[0].from.to_string(), "2024-01-01T00:00:00Z");
        assert_eq!(one[0].until.to_string(), "2025-01-01T00:00:00Z");
        // The text twice, with line ends.
        let pem = String::from_utf8(decode_base64(EXPIRED).unwrap()).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        assert_eq!(read_der(&body).unwrap(), one[0]);
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        let cases = [
            ("", Ok(0)),
            ("Cg==", Ok(0)),
            ("***", Err("it is not valid base64")),
            ("aGVsbG8=", Err("it contains no certificate")),
            ("/////w==", Err("it is not base64-encoded text")),
            // BEGIN without END.
            (
                "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BPT0K",
                Err("a certificate in it has no end marker"),
            ),
        ];
        for (text, expected) in cases {
            let got = read_bundle(text).map(|found| found.len());
            assert_eq!(got, expected.map_err(str::to_owned), "{text}");
        }
        assert!(read_der("MAA=").unwrap_err().starts_with("a certificate in it cannot be parsed"));
        let pem = String::from_utf8(decode_base64(EXPIRED).unwrap()).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("---")).collect();
        let der = decode_base64(&body).unwrap();
        // Corrupt certificates are read or rejected without a panic.
        let refused = (0..der.len()).flat_map(|at| [0x00, 0x7f, 0x80, 0xff].map(|byte| (at, byte)));
        let refused = refused.filter(|(at, byte)| {
            let mut damaged = der.clone();
            damaged[*at] = *byte;
            from_der(&damaged).is_err()
        });
        assert!(refused.count() > 100);
        assert!((0..der.len()).all(|length| from_der(&der[..length]).is_err()));
        let long = "A".repeat(2 * LONGEST);
        assert!(read_der(&long).unwrap_err().contains("more than 65536 bytes"));
    }
}
