//! PV-P097.

use pavisade_macros::check;

use crate::dns::{Question, RecordKind};
use crate::probe::Seen;
use crate::shape::{closed, worst};
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Exchange, Target, Verdict};

/// Cluster DNS lists the Services of all namespaces
///
/// ## Why
/// An attacker in any pod learns the names and namespaces of all Services: by the transfer of the
/// whole zone, by a wildcard, or one address after the other.
///
/// ## Fix
/// Do not configure the `transfer` plugin of CoreDNS for the cluster's zone, use version 1.9 or
/// later, which has no wildcards, and leave reverse zones out of the `kubernetes` plugin.
#[check(id = "PV-P097", severity = Low, scope = World)]
pub(crate) struct DnsListsServices {}

impl EndpointProbe for DnsListsServices {
    const AT: &'static [Component] = &[Component::Dns];
    const TECHNIQUES: &'static [&'static str] = &["T1046"];
    const OWASP: &'static str = "K05";

    fn asks(target: &Target) -> Vec<Ask> {
        let of = |name: &str, kind: RecordKind| Question { name: name.to_owned(), kind };
        vec![
            Ask::Dns(of("cluster.local", RecordKind::Axfr)),
            Ask::Dns(of("any.any.svc.cluster.local", RecordKind::Srv)),
            // The server's own address usually belongs to a Service.
            Ask::Dns(Question::name_of(target.address.ip())),
        ]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        worst(seen.exchanges.iter().map(|exchange| one(exchange)))
    }
}

fn one(exchange: &Exchange) -> Verdict {
    let names = match &exchange.answer {
        Answer::Names(names) => names,
        other => return closed(other),
    };
    let service = names.names.iter().find(|name| {
        let mut labels = name.split('.').skip(2);
        labels.next() == Some("svc") && !name.starts_with("any.any.")
    });
    match service {
        Some(name) => Verdict::Open {
            message: "the cluster's DNS lists Services".to_owned(),
            proof: format!("{}: {name}", exchange.ask),
        },
        // A DNS cache on the node has an address that does not belong to a Service.
        None if matches!(&exchange.ask, Ask::Dns(asked) if asked.kind == RecordKind::Ptr) => {
            Verdict::Unknown(
                "the server has no name for its own address, so whether it has names for those of \
                 Services is not known"
                    .to_owned(),
            )
        }
        // No records (0), no such name (3), not implemented (4), or refused (5).
        None if matches!(names.code, 0 | 3..=5) => Verdict::Closed(
            Closed::NotServed,
            format!("{}: code {}, no Service", exchange.ask, names.code),
        ),
        None => Verdict::Unknown(format!("{}: code {}", exchange.ask, names.code)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::Names;

    #[test]
    fn only_names_of_services_are_a_list() {
        let address = "10.96.0.10:53".parse().unwrap();
        let target = Target { component: Component::Dns, address };
        let service = "kube-dns.kube-system.svc.cluster.local";
        let judge = |answers: [(u8, &[&str]); 3]| {
            let asks = DnsListsServices::asks(&target).into_iter();
            let exchanges = asks.zip(answers).map(|(ask, (code, names))| {
                let names = names.iter().map(|name| (*name).to_owned()).collect();
                Arc::new(Exchange { ask, answer: Answer::Names(Names { code, names }) })
            });
            crate::probe::word::<DnsListsServices>(&target, exchanges.collect())
        };
        for (answers, expect) in [
            // The zone, a wildcard, and one address after the other.
            ([(0, &[service][..]), (3, &[]), (3, &[])], "open"),
            ([(5, &[]), (0, &["any.any.svc.cluster.local", service]), (3, &[])], "open"),
            ([(5, &[]), (3, &[]), (0, &["10.0.96.10.in-addr.arpa", service])], "open"),
            // The name of a node is not that of a Service.
            ([(5, &[]), (3, &[]), (0, &["10.0.96.10.in-addr.arpa", "node-1.example"])], "unknown"),
            // A cache on the node has no name, but may know those of Services.
            ([(5, &[]), (3, &[]), (3, &[])], "unknown"),
            // A server that repeats the question lists nothing.
            ([(0, &["any.any.svc.cluster.local"]), (2, &[]), (3, &[])], "unknown"),
        ] {
            assert_eq!(judge(answers), expect, "{answers:?}");
        }
    }
}
