//! PV-N046.

use pavisade_macros::check;
use pavisade_model::Severity;
use schemars::JsonSchema;
use serde::Deserialize;

use super::etcd_without_client_authentication::{makes_its_own, of_etcd};
use crate::loopback::is_loopback_url;
use crate::{Check, Claim, Component, Cx, FlagSource, OnComponent, Verdict};

/// etcd peers are not authenticated
///
/// ## Why
/// Anyone who can reach the peer port without authentication can read everything that is written to
/// etcd, and can write as a member.
///
/// ## Fix
/// Use `https` addresses for peers with `--peer-cert-file` and `--peer-key-file`, and set
/// `--peer-client-cert-auth=true` and `--peer-trusted-ca-file`.
#[check(
    id = "PV-N046",
    severity = High,
    scope = Object,
    programs = [Etcd],
    fixable = Safely
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EtcdPeerWithoutAuthentication {}

const ASKS: &str = "peer-client-cert-auth";

impl Check for EtcdPeerWithoutAuthentication {
    type On = OnComponent;

    fn check<'a>(&self, component: Component<'a>, _: &Cx<'a>) -> Verdict<'a> {
        component.judged("etcd", |etcd| Ok(of_etcd(etcd, judge(etcd)?)))
    }
}

fn judge(etcd: Component<'_>) -> Result<Option<Claim<'_>>, Claim<'_>> {
    const LISTEN: &str = "listen-peer-urls";
    let urls = match etcd.known(LISTEN)? {
        Some(flag) => flag.value.into_owned(),
        // kubeadm sets it. The default of etcd is localhost.
        None if etcd.source() == FlagSource::Kubeadm => "https://node:2380".to_owned(),
        None => return Ok(None),
    };
    let mut open = urls.split(',').map(str::trim).filter(|url| !is_loopback_url(url)).peekable();
    if open.peek().is_none() {
        // A single member has no peers.
        return Ok(None);
    }
    if let Some(url) = open.find(|url| url.starts_with("http://")) {
        return Ok(Some(Claim::fails(
            etcd.place(LISTEN),
            format!("etcd accepts peers at `{url}` without TLS and authentication"),
        )));
    }
    let authority = etcd.known("peer-trusted-ca-file")?.is_some_and(|flag| !flag.value.is_empty());
    if let Some(place) = makes_its_own(etcd, "peer-auto-tls", ["peer-cert-file", "peer-key-file"])?
    {
        let message = "etcd does not require certificates from its peers: `--peer-auto-tls` replaces \
                       all other settings of TLS";
        return Ok(Some(Claim::fails(place, message)));
    }
    if etcd.known_bool(ASKS, false)? {
        return Ok(None);
    }
    let set = etcd.known(ASKS)?.is_some();
    Ok(match (set, authority) {
        // etcd requires certificates if it has a CA to verify them, although its documentation does
        // not guarantee that.
        (true, true) => Some(
            Claim::fails(
                etcd.place(ASKS),
                format!(
                    "etcd has `--{ASKS}=false`: it requests certificates from peers only because \
                     `--peer-trusted-ca-file` is set"
                ),
            )
            .severity(Severity::Low)
            .changes(etcd.set_flag(ASKS, "true")),
        ),
        (false, true) => None,
        (_, false) => Some(Claim::fails(
            etcd.place(ASKS),
            "etcd does not require certificates from its peers",
        )),
    })
}
