//! The digest of a node's newest baseline in a ConfigMap, where root of the node cannot change it.

use anyhow::{Context as _, anyhow, bail};
use pavisade_access::Api;
use pavisade_integrity::{Bound, Digest, MAX_BYTES, read as accepted};
use serde_json::{Value, json};

use super::{digest, public_keys};
use crate::args::ApiServer;
use crate::args::integrity::{Place, PublishArgs};
use crate::cluster::{api, blocking};
use crate::{Outcome, bounded, print};

fn all(place: &Place) -> String {
    format!("/api/v1/namespaces/{}/configmaps", place.namespace)
}

fn one(place: &Place) -> String {
    format!("{}/{}", all(place), place.name)
}

/// Returns the digest that the ConfigMap has for a node.
///
/// # Errors
/// It cannot be read, or has none.
pub(super) fn expected(place: &Place, node: &str, server: &ApiServer) -> anyhow::Result<Digest> {
    let map = blocking(async {
        let api = api(server).await?;
        Ok(api.get(&one(place)).await?)
    });
    let map = map.with_context(|| format!("reading the ConfigMap {place}"))?;
    match of_node(&map, node)? {
        Some(digest) => Ok(digest),
        None => bail!(
            "the ConfigMap {place} has no digest of the node {node:?}: store it with `pavisade \
             integrity publish`"
        ),
    }
}

fn of_node(map: &Value, node: &str) -> anyhow::Result<Option<Digest>> {
    let text = map.get("data").and_then(|data| data.get(node)?.as_str());
    text.map(|text| digest(&format!("the entry {node} of the ConfigMap:"), text.trim())).transpose()
}

pub(super) fn publish(args: &PublishArgs) -> anyhow::Result<Outcome> {
    let bound = Bound { keys: public_keys(&args.keys)?, ..Bound::default() };
    let bytes = bounded::bytes(&args.baseline, MAX_BYTES)?;
    let shown = args.baseline.display();
    let baseline = accepted(&bytes, &bound).with_context(|| format!("{shown} is refused"))?;
    let (node, newest) = (&baseline.newest().header.node.name, baseline.newest().digest);
    if node.is_empty() {
        bail!("{shown} does not name its node: make it with --node");
    }
    let place = &args.config_map;
    let was = blocking(async {
        let api = api(&args.server).await?;
        let map = match api.get(&one(place)).await {
            Ok(map) => map,
            Err(failure) if failure.code() == 404 => {
                create(&api, place, node, newest).await?;
                return Ok(None);
            }
            Err(failure) => {
                return Err(anyhow!(failure))
                    .with_context(|| format!("reading the ConfigMap {place}"));
            }
        };
        let was = of_node(&map, node)?;
        let continues =
            |was: &Digest| baseline.versions.iter().any(|version| version.digest == *was);
        if let Some(was) = was.filter(|was| !args.replace && !continues(was)) {
            bail!(
                "the ConfigMap {place} has {was} for the node {node}, which is not a version of \
                 {shown}: the baseline is older, or was replaced. Use --replace if you replaced it"
            );
        }
        // With its version: another change in the meantime is refused.
        let version = map.pointer("/metadata/resourceVersion");
        let patch = json!({
            "metadata": { "resourceVersion": version },
            "data": { node: newest.to_string() },
        });
        let changed = api.patch(&one(place), &patch).await;
        changed.with_context(|| format!("changing the ConfigMap {place}"))?;
        Ok(was)
    })?;
    let number = baseline.newest().header.version;
    let before = was.map(|was| format!(", before: {was}")).unwrap_or_default();
    print(format!("{place}: {node} has version {number}, digest {newest}{before}\n").as_bytes())
}

async fn create(api: &Api, place: &Place, node: &str, digest: Digest) -> anyhow::Result<()> {
    let map = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": { "name": place.name },
        "data": { node: digest.to_string() },
    });
    api.post(&all(place), &map).await.with_context(|| format!("creating the ConfigMap {place}"))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_digest() {
        let hex = "ab".repeat(32);
        let map = json!({ "data": { "a": format!("sha256:{hex}\n"), "b": "sha256:xy" } });
        assert_eq!(of_node(&map, "a").unwrap().unwrap().to_string(), format!("sha256:{hex}"));
        assert!(of_node(&map, "b").is_err());
        assert_eq!(of_node(&map, "c").unwrap(), None);
        assert_eq!(of_node(&json!({}), "a").unwrap(), None);
    }
}
