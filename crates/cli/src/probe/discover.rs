//! `pavisade probe discover`: what a cluster consists of, as a scope file.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use pavisade_probe::{Gate, Item, Journal, LISTS, OwnNetwork, Scope, items, of_environment};
use pavisade_scan::Timestamp;
use serde_json::Value;

use super::{connect, runtime, state};
use crate::args::probe::DiscoverArgs;
use crate::{Outcome, print, terminal};

pub(super) fn run(args: &DiscoverArgs) -> anyhow::Result<Outcome> {
    let mut found = Vec::new();
    let (mut server, mut outcome) = (String::new(), Outcome::Clean);
    if args.environment {
        found.extend(of_environment(&state::environment(), &state::nameservers()));
    } else {
        let (url, lists) = runtime()?.block_on(lists(args))?;
        server = url;
        for why in lists.iter().filter_map(|list| list.as_ref().err()) {
            terminal::say("not discovered", why);
            outcome = Outcome::Incomplete;
        }
        let null = Value::Null;
        let [nodes, services, slices] = lists.each_ref().map(|list| list.as_ref().unwrap_or(&null));
        found.extend(items([nodes, services, slices]));
    }
    print(scope(&server, &found).as_bytes())?;
    Ok(outcome)
}

/// Reads the lists. Returns them with the URL of the server; for a list that cannot be read, why.
async fn lists(args: &DiscoverArgs) -> anyhow::Result<(String, [Result<Value, String>; 3])> {
    let api = connect(args.kubeconfig.as_deref(), args.context.as_deref()).await?;
    let journal = Journal::new(state::new_id(Timestamp::now()), Box::new(std::io::sink()));
    let scope = Scope { cluster: true, ..Scope::default() };
    let gate = Gate::new(scope, OwnNetwork::default(), journal);
    let mut lists = [const { Ok(Value::Null) }; 3];
    for (list, (name, path)) in lists.iter_mut().zip(LISTS) {
        *list = match gate.get(&api, path, &gate.agent()).await {
            Ok((200, body)) => serde_json::from_slice(&body)
                .map_err(|_| format!("{name}: the response is not JSON")),
            Ok((403, _)) => Err(format!("{name}: this identity may not list them")),
            Ok((status, _)) => Err(format!("{name}: status {status}")),
            Err(why) => Err(format!("{name}: {why}")),
        };
        let token = list.as_ref().ok().and_then(|list| list.pointer("/metadata/continue"));
        if token.and_then(Value::as_str).is_some_and(|token| !token.is_empty()) {
            terminal::say("warning", &format!("{name}: only the first 2000 are shown"));
        }
    }
    Ok((api.server, lists))
}

/// Returns a scope file. What only pods can reach is a comment.
fn scope(server: &str, found: &[Item]) -> String {
    let mut text = String::from("kind: ProbeScope\n");
    if !server.is_empty() {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "# {server}\ncluster: true");
    }
    let mut groups: BTreeMap<bool, Vec<&Item>> = BTreeMap::new();
    found.iter().for_each(|item| groups.entry(item.from_pod).or_default().push(item));
    let outside = groups.get(&false);
    text.push_str(if outside.is_none() { "addresses: []\n" } else { "addresses:\n" });
    for (from_pod, all) in &groups {
        if *from_pod {
            text.push_str("# From pods only (`probe pod`, `--in-pod`):\n");
        }
        for Item { text: item, origin, .. } in all {
            let off = if *from_pod { "#" } else { "" };
            let _ = writeln!(text, "{off}- '{item}'  # {origin}");
        }
    }
    text
}
