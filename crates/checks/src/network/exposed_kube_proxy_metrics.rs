//! PV-N045.

use pavisade_macros::check;
use pavisade_model::kinds;
use pavisade_snapshot::{Container, Object, Pod};
use pavisade_yaml::{Source, Value, read};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::loopback::is_loopback_host;
use crate::{Check, Claim, Cx, OnObject, Verdict};

/// kube-proxy metrics are exposed
///
/// ## Why
/// The port requires no credentials. In addition to metrics it serves `/proxyMode` and, if
/// profiling is enabled, `/debug/pprof`, to anyone who can reach the node.
///
/// ## Fix
/// Remove `metricsBindAddress`, which defaults to `127.0.0.1:10249`, and read the metrics through
/// kube-rbac-proxy.
#[check(
    id = "PV-N045",
    severity = Low,
    scope = Object,
    on = [KUBE_PROXY_CONFIGURATION, CONFIG_MAP, DAEMON_SET],
    fixable = Riskily
)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ExposedKubeProxyMetrics {}

const FIELD: &str = "metricsBindAddress";
const LOOPBACK: &str = "127.0.0.1:10249";

impl Check for ExposedKubeProxyMetrics {
    type On = OnObject;

    fn check<'a>(&self, object: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        if object.is(kinds::KUBE_PROXY_CONFIGURATION) {
            let field = object.at(&[FIELD]).filter(|v| !v.is_null());
            return field.map_or(Verdict::Holds, |value| match value.as_str() {
                Some(address) => match claim(value, address) {
                    Some(claim) => claim.set(LOOPBACK).into(),
                    None => Verdict::Holds,
                },
                None => Verdict::unknown(value, format!("`{FIELD}` is not a string")),
            });
        }
        if object.is(kinds::CONFIG_MAP) {
            return config_map(object);
        }
        let containers = object.pods().flat_map(Pod::containers).filter(|c| is_proxy(*c));
        Verdict::all(containers.map(flags))
    }
}

/// kubeadm stores the file as text in a ConfigMap.
fn config_map(map: &Object) -> Verdict<'_> {
    let texts = map.at(&["data"]).into_iter().flat_map(Value::entries);
    let texts = texts.filter(|(_, text)| {
        text.as_str().is_some_and(|text| text.contains("kind: KubeProxyConfiguration"))
    });
    Verdict::all(texts.map(|(_, place)| {
        let documents = read(&Source::new("config", place.as_str().unwrap_or("")));
        let addresses = documents.docs.iter().filter_map(|doc| doc.root().str(FIELD));
        addresses
            .into_iter()
            .find_map(|address| claim(place, address))
            .map_or(Verdict::Holds, Verdict::from)
    }))
}

fn is_proxy(container: Container<'_>) -> bool {
    let mut words = words(container);
    words.next().is_some_and(|(first, _)| first.rsplit('/').next() == Some("kube-proxy"))
}

fn words<'a>(container: Container<'a>) -> impl Iterator<Item = (&'a str, Value<'a>)> {
    let lists = ["command", "args"].into_iter();
    let elements = lists.flat_map(move |list| container.value().list(list));
    elements.filter_map(|element| Some((element.as_str()?, element)))
}

/// Flags only apply without `--config`.
fn flags(container: Container<'_>) -> Verdict<'_> {
    let flag = |name: &str| {
        words(container).find_map(|(word, place)| {
            let rest = word.trim_start_matches('-').strip_prefix(name)?;
            let value = rest.strip_prefix('=').or(rest.is_empty().then_some(""))?;
            Some((value, place))
        })
    };
    if flag("config").is_some() {
        return Verdict::NotApplicable;
    }
    match flag("metrics-bind-address") {
        Some(("", place)) => {
            Verdict::unknown(place, "its address is in a separate element from the flag")
        }
        Some((address, place)) => match claim(place, address) {
            Some(claim) => claim.set(format!("--metrics-bind-address={LOOPBACK}")).into(),
            None => Verdict::Holds,
        },
        None => Verdict::Holds,
    }
}

fn claim<'a>(place: Value<'a>, address: &str) -> Option<Claim<'a>> {
    if address.is_empty() {
        return None;
    }
    let host = match address.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            port.parse::<u16>().ok().map_or(address, |_| host)
        }
        _ => address,
    };
    if is_loopback_host(host) {
        return None;
    }
    Some(Claim::fails(
        place,
        format!("kube-proxy serves metrics at `{address}` without authentication"),
    ))
}
