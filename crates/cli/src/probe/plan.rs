//! `pavisade probe plan`: everything that a run would send.

use std::fmt::Write as _;

use pavisade_probe::{Kind, plan, restricted};
use pavisade_scan::Timestamp;
use serde_json::json;

use super::chosen::Chosen;
use super::state;
use crate::args::probe::PlanArgs;
use crate::{Outcome, print};

pub(super) fn run(args: &PlanArgs) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let Some(chosen) = Chosen::new(&args.scope, now)? else { return Ok(Outcome::Usage) };
    let own = state::own_network();
    let mut text = String::new();
    let (mut endpoints, mut requests, mut refused) = (0, 0, 0);
    for planned in plan(&chosen.scope, &chosen.probes) {
        let permitted = chosen.scope.permits(planned.target.address, &own);
        if let Err(why) = &permitted {
            refused += 1;
            line(&mut text, args.json, &planned.target.to_string(), &format!("refused: {why}"));
            continue;
        }
        endpoints += 1;
        requests += planned.asks.len() + 1;
        line(&mut text, args.json, &planned.target.to_string(), "TCP connection");
        for ask in &planned.asks {
            line(&mut text, args.json, &planned.target.to_string(), &ask.to_string());
        }
    }
    if chosen.needs_cluster() {
        for namespace in &chosen.scope.namespaces {
            let path = format!("POST /api/v1/namespaces/{namespace}/pods?dryRun=All");
            let base = restricted(namespace, &args.scope.image);
            line(&mut text, args.json, "API server of the kubeconfig", &format!("{path} {base}"));
            requests += 1;
            for probe in &chosen.probes {
                let Kind::Admission { change, .. } = &probe.kind else { continue };
                let mut pod = base.clone();
                change(&mut pod);
                let what = format!("{path} {pod}");
                line(&mut text, args.json, "API server of the kubeconfig", &what);
                requests += 1;
            }
        }
    }
    if !args.json {
        let limits = chosen.scope.limits;
        let _ = writeln!(
            text,
            "\n{endpoints} endpoints, at most {requests} requests; endpoints that are closed \
             receive only the TCP connection. {refused} endpoints are refused.\nLimits: {} \
             connections per second, {} per host, {} s in total.",
            limits.rate, limits.per_host, limits.deadline
        );
    }
    print(text.as_bytes())
}

fn line(text: &mut String, json: bool, to: &str, what: &str) {
    // Writing to a string cannot fail.
    let _ = match json {
        true => writeln!(text, "{}", json!({"to": to, "request": what})),
        false => writeln!(text, "{to}  {what}"),
    };
}
