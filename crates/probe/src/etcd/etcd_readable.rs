//! PV-P070.

use pavisade_macros::check;

use crate::probe::Seen;
use crate::shape::{json, readable};
use crate::{Answer, Ask, Closed, Component, EndpointProbe, Target, Verdict};

/// etcd can be read without credentials
///
/// ## Why
/// etcd contains all objects of the cluster, including Secrets. Anyone who can read it can
/// read everything; anyone who can write to it is an administrator.
///
/// ## Fix
/// Set `--client-cert-auth` and `--trusted-ca-file` of etcd, and allow only the API server to
/// connect to it.
#[check(id = "PV-P070", severity = Critical, scope = World)]
pub(crate) struct EtcdReadable {}

impl EndpointProbe for EtcdReadable {
    const AT: &'static [Component] = &[Component::Etcd];
    const TECHNIQUES: &'static [&'static str] = &["T1552.007"];
    const OWASP: &'static str = "K06";

    fn asks(target: &Target) -> Vec<Ask> {
        let all =
            r#"{"key":"AA==","range_end":"AA==","limit":"1","keys_only":true,"count_only":true}"#;
        let range = Ask::with(target, "POST", "/v3/kv/range", Vec::new(), Some(all.to_owned()));
        vec![range, Ask::get(target, "/version")]
    }

    fn judge(seen: &Seen<'_>) -> Verdict {
        let verdict = readable(seen, "all keys of etcd can be read without credentials", |page| {
            let body = json(page)?;
            body.pointer("/header/cluster_id")?;
            let count = body.get("count").and_then(|count| count.as_str()).unwrap_or("0");
            Some(format!("{count} keys"))
        });
        let answers: Vec<_> = seen.exchanges.iter().map(|exchange| &exchange.answer).collect();
        match answers.as_slice() {
            [Answer::Http(page), ..] if page.text().contains("user name is empty") => {
                Verdict::Closed(Closed::Authentication, "a user is required".to_owned())
            }
            // Without its gateway, etcd still serves gRPC.
            [Answer::Http(range), Answer::Http(version)]
                if range.status == 404 && version.is_success() =>
            {
                let why = "the JSON gateway is off, and gRPC was not tried";
                Verdict::Unknown(why.to_owned())
            }
            _ => verdict,
        }
    }
}
