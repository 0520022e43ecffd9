//! Containers about which no facts were read.

use std::collections::BTreeMap;

use pavisade_model::kinds;
use pavisade_snapshot::{Coverage, Object, World};
use pavisade_yaml::Value;

use super::is_running;
use crate::operation::running::{About, about, may_run};

/// Returns the reason why results about containers may be missing. `None` if facts about all containers
/// that run were read.
pub(super) fn without_facts(world: &World) -> Option<String> {
    if world.coverage(kinds::POD) != Coverage::Complete {
        return Some("the pods were not listed, so facts about some may be missing".to_owned());
    }
    let all = world.of_kind(kinds::CONTAINER_FACTS);
    let facts: BTreeMap<_, _> = all.filter_map(|facts| Some((named(facts)?, facts))).collect();
    let has_none = |pod: &Object, name: &str| {
        let facts = facts.get(&(pod.namespace(), pod.name(), name));
        facts.is_none_or(|facts| about(facts, pod) == About::Ended)
    };
    let running = world.of_kind(kinds::POD).filter(|pod| is_running(pod));
    let missing: Vec<_> = running
        .flat_map(|pod| of_pod(pod).map(move |name| (pod, name)))
        .filter(|(pod, name)| has_none(pod, name))
        .collect();
    let (pod, name) = missing.first()?;
    let named = format!("`{}/{}/{name}`", pod.namespace(), pod.name());
    Some(match missing.len() {
        1 => format!("no facts were read about the container {named} since it started"),
        count => format!(
            "no facts were read about {count} containers since they started, such as {named}"
        ),
    })
}

/// A namespace, a pod and a container.
type Named<'a> = (&'a str, &'a str, &'a str);

fn named(facts: &Object) -> Option<Named<'_>> {
    let text = |name| facts.at(&[name]).and_then(Value::as_str);
    Some((facts.namespace(), text("pod")?, text("container")?))
}

/// Returns the containers of a pod that run, as far as its status says.
fn of_pod(pod: &Object) -> impl Iterator<Item = &str> {
    let list = |name| pod.at(&["spec", name]).into_iter().flat_map(Value::items);
    let sidecars = list("initContainers").filter(|one| one.str("restartPolicy") == Some("Always"));
    let all = list("containers").chain(sidecars).chain(list("ephemeralContainers"));
    all.filter_map(|one| one.str("name")).filter(|name| may_run(pod, name))
}
