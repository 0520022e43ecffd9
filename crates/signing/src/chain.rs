//! Whether a certificate leads to a trusted one (RFC 5280, section 6, as far as code signing needs
//! it): names, signatures, purposes, lengths, and all of that at a given time.

use jiff::Timestamp;

use crate::certificate::{Certificate, oid};
use crate::result::Why;
use crate::root::Authority;

/// Certificates between a leaf and what is trusted.
const MAX_LENGTH: usize = 8;

/// The certificate that issued `leaf`, where the leaf leads to the authority's trusted certificate
/// by way of its other certificates. Where the trust root names none in between, they may be in `more`:
/// what comes with a signature must not widen what the trust root names.
pub(crate) fn issuer(
    leaf: &Certificate,
    authority: &Authority,
    more: &[Certificate],
    purpose: &[u8],
    at: Timestamp,
) -> Result<Certificate, Why> {
    if leaf.unknown_critical() {
        return Err(Why::Extension);
    }
    let path = path(leaf, authority, more, purpose).ok_or(Why::UnknownIssuer)?;
    if !leaf.is_valid_at(at) {
        return Err(Why::Expired { at, from: leaf.not_before, until: leaf.not_after });
    }
    let is_valid = authority.valid.holds(at) && path.iter().all(|one| one.is_valid_at(at));
    if !is_valid {
        return Err(Why::IssuerExpired(at));
    }
    path.into_iter().next().cloned().ok_or(Why::UnknownIssuer)
}

/// The certificates above `leaf`, the trusted one last.
fn path<'a>(
    leaf: &Certificate,
    authority: &'a Authority,
    more: &'a [Certificate],
    purpose: &[u8],
) -> Option<Vec<&'a Certificate>> {
    let anchor = authority.chain.last()?;
    let mut path: Vec<&Certificate> = Vec::new();
    loop {
        let current = path.last().copied().unwrap_or(leaf);
        let signed = |one: &&Certificate| {
            let length = path.len() as u64;
            one.subject == current.issuer
                && one.authority().is_some_and(|most| most.is_none_or(|most| length <= most))
                && one.is_for(purpose).unwrap_or(true)
                && !one.unknown_critical()
                && current.is_signed_by(one)
        };
        if Some(anchor).filter(signed).is_some() {
            path.push(anchor);
            return Some(path);
        }
        let named = authority.chain.iter().rev().skip(1).filter(|one| one.authority().is_some());
        let is_named = named.clone().next().is_some();
        let between = named.chain(more.iter().filter(|_| !is_named));
        let next = between.filter(|one| one.der != current.der).find(signed)?;
        path.push(next);
        if path.len() >= MAX_LENGTH {
            return None;
        }
    }
}

/// Whether a leaf may be used: it is no authority, and its key is for that purpose.
pub(crate) fn is_leaf_for(leaf: &Certificate, purpose: &[u8]) -> bool {
    !leaf.is_called_authority() && leaf.may_sign() && leaf.is_for(purpose) == Some(true)
}

pub(crate) use oid::{CODE_SIGNING, TIME_STAMPING};
