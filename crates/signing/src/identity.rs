//! What a certificate of Fulcio says of who signed ("Fulcio OID information", "Certificate
//! Specification"); certificates of other authorities say less.

use crate::certificate::{Certificate, oid};
use crate::der;
use crate::result::Identity;

/// 1.3.6.1.4.1.57264.1.7: a user name in the domain of an issuer.
const OTHER_NAME: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xbf, 0x30, 0x01, 0x07];

/// Reads it. What is not there is empty, and matches no policy.
pub(crate) fn of(leaf: &Certificate, authority: String) -> Identity {
    let raw = |last: u8| -> Option<&[u8]> {
        let oid = [oid::FULCIO, &[last]].concat();
        Some(&leaf.extension(&oid)?.value)
    };
    let plain = |last| raw(last).and_then(|value| String::from_utf8(value.to_vec()).ok());
    let text = |last| {
        let value = der::only(raw(last)?, der::UTF8_STRING).ok()?.value;
        String::from_utf8(value.to_vec()).ok()
    };
    let url = |name: String| {
        if name.contains("://") { name } else { format!("https://github.com/{name}") }
    };
    Identity {
        subject: subject(leaf).unwrap_or_default(),
        issuer: text(8).or_else(|| plain(1)).unwrap_or_default(),
        repository: text(12).or_else(|| plain(5).map(url)),
        workflow: text(18).or_else(|| text(9)),
        reference: text(14).or_else(|| plain(6)),
        commit: text(13).or_else(|| plain(3)),
        trigger: text(20).or_else(|| plain(2)),
        runner: text(11),
        run: text(21),
        authority,
    }
}

/// The one alternative name that identifies the signer.
fn subject(leaf: &Certificate) -> Option<String> {
    let names = &leaf.extension(oid::SUBJECT_ALTERNATIVE_NAME)?.value;
    let mut names = der::only(names, der::SEQUENCE).ok()?.inner();
    let name = names.next().ok()?;
    // More than one name would be more than one signer.
    names.end().ok()?;
    let value = match name.tag {
        // E-mail address, DNS name, URI.
        0x81 | 0x82 | 0x86 => name.value,
        0xa0 => {
            let mut parts = name.inner();
            if parts.expect(der::OID).ok()?.value != OTHER_NAME {
                return None;
            }
            let inner = parts.expect(0xa0).ok()?.value;
            der::only(inner, der::UTF8_STRING).ok()?.value
        }
        _ => return None,
    };
    String::from_utf8(value.to_vec()).ok().filter(|text| !text.contains('\0'))
}
