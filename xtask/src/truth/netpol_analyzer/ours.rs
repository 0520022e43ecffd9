//! Pavisade's answers to the same questions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use pavisade_model::KubernetesVersion;
use pavisade_netpol::{
    Action, Assumptions, Connections, Direction, End, Engine, Focus, GENERIC, Group, Imagined,
    Kind, Network, Operator, Party, PartyId, Peer, Profile, READS, Requirement, Selector, Selects,
    Serving, Step, Tier, Verdict, Within, Workload, lines, ways,
};
use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

use super::answer::{Answer, Explained, Question};
use super::table::{Row, Table, shown};
use crate::shared::files;

const CONTROLLER: &str = "{ingress-controller}";

/// Returns the assumptions of the analyzer.
fn assumed() -> Assumptions {
    let profile =
        Profile { blocks_match_pods: Selects::No, networks_match_pods: Selects::No, ..GENERIC };
    Assumptions {
        profile,
        labels_absent: true,
        host_network_as_pods: true,
        finished_pods: true,
        negations_single_out: true,
        ..Assumptions::default()
    }
}

/// Returns the network of a directory.
pub(super) fn engine(folder: &Path) -> anyhow::Result<Engine> {
    let mut all = Vec::new();
    for file in files(folder, &["yaml", "yml", "json"])? {
        let bytes = fs::read(folder.join(&file))?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let documents = read(&Source::new(file, text));
        for doc in &documents.docs {
            let objects = objects(doc.root());
            all.extend(objects.sent.iter().map(|o| Object::new(o.value, o.api_version, o.kind)));
        }
    }
    let world = World::new(WorldParts::files("case", WorldKind::Files, all));
    let view = View::new(&world, "network", READS, KubernetesVersion::LATEST);
    Ok(Engine::new(Network::read(&view, assumed())))
}

pub(super) fn answer(root: &Path, question: &Question) -> anyhow::Result<Answer> {
    let tests = root.join("tests");
    if let [new, old] = &question.folders[..] {
        return difference(&tests.join(old), &tests.join(new));
    }
    let mut engine = engine(&tests.join(&question.folders[0]))?;
    let imagined = Imagined::by_rules(&mut engine);
    if question.explain {
        return explained(&engine, &imagined, question);
    }
    let rows =
        rows(&engine, &imagined).into_iter().filter(|row| question.wants(&row.from, &row.to));
    let mut answer = Answer { table: Table::new(rows)?, ..Answer::default() };
    if question.exposure {
        exposure(&engine, &imagined, question, &mut answer)?;
    }
    Ok(answer)
}

fn end(engine: &Engine, end: &End) -> String {
    match end {
        End::Workload(place) => engine.network().workloads[*place].label(),
        End::Outside(addresses) => format!("{}[External]", addresses.v4()),
        End::Controller => CONTROLLER.to_owned(),
        End::AnyPod => "entire-cluster".to_owned(),
    }
}

fn said(verdict: &Verdict) -> String {
    shown(&verdict.certain(), &verdict.unsure())
}

fn rows(engine: &Engine, imagined: &Imagined) -> Vec<Row> {
    let mut rows = Vec::new();
    for line in lines(engine, &Focus::default()) {
        let outside = |end: &End| matches!(end, End::Outside(a) if a.v4().is_empty());
        if outside(&line.from) || outside(&line.to) {
            continue;
        }
        rows.push(Row {
            from: end(engine, &line.from),
            to: end(engine, &line.to),
            said: said(&line.verdict),
        });
    }
    for (workload, verdict) in controlled(engine, imagined) {
        rows.push(Row {
            from: CONTROLLER.to_owned(),
            to: engine.network().workloads[workload].label(),
            said: said(&verdict),
        });
    }
    rows
}

/// Returns what Ingresses and Routes expose.
fn controlled(engine: &Engine, imagined: &Imagined) -> Vec<(usize, Verdict)> {
    let mut all: BTreeMap<usize, Verdict> = BTreeMap::new();
    for way in ways(engine, &Serving::assumed(imagined.rest)) {
        if matches!(way.by, pavisade_netpol::By::Entry(_)) {
            let one = all.entry(way.workload).or_default();
            // What one way stops another may let through: stopped is what none does.
            one.allow = one.allow.union(&way.verdict.allow);
            one.deny = one.deny.union(&way.verdict.unsure());
        }
    }
    all.into_iter().filter(|(_, verdict)| !verdict.allow.is_empty()).collect()
}

/// Returns whether the verdict includes the requested connections.
fn asked(question: &Question, verdict: &Verdict) -> bool {
    let meets = |only: &Connections| !verdict.allow.intersect(only).is_empty();
    question.only.as_ref().is_none_or(meets)
}

/// Returns the text of exposure: only the ends if one connection is requested.
fn of_exposure(question: &Question, verdict: &Verdict) -> String {
    if question.only.is_some() { String::new() } else { said(verdict) }
}

/// Returns exposure in the analyzer's form: groups that rules of the workload's own policies name,
/// and outside addresses if something in the cluster is shown too.
fn exposure(
    engine: &Engine,
    imagined: &Imagined,
    question: &Question,
    answer: &mut Answer,
) -> anyhow::Result<()> {
    let (mut rows, mut optional, mut inside) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (place, workload) in engine.network().workloads.iter().enumerate() {
        let own = workload.label();
        for exposure in imagined.exposures(engine, place) {
            let egress = exposure.direction == Direction::Egress;
            let wanted = match egress {
                true => question.wants(&own, "entire-cluster"),
                false => question.wants("entire-cluster", &own),
            };
            if !wanted {
                continue;
            }
            let mut put = |other: String, verdict: &Verdict, sure: bool| {
                let (from, to) = if egress { (own.clone(), other) } else { (other, own.clone()) };
                if asked(question, verdict) {
                    inside.insert((egress, own.clone()));
                    let row = Row { from, to, said: of_exposure(question, verdict) };
                    if sure { rows.push(row) } else { optional.push(row) }
                }
            };
            if !exposure.rest.allow.is_empty() {
                put("entire-cluster".to_owned(), &exposure.rest, true);
            }
            for (group, verdict) in &exposure.groups {
                if is_named(engine, workload, exposure.direction, group) {
                    put(named(group), verdict, !is_there(engine, group));
                }
            }
            if exposure.restricted == Selects::No {
                let direction = exposure.direction.name();
                answer.unprotected.insert(format!("{own} is not protected on {direction}"));
            }
        }
    }
    for line in lines(engine, &Focus::default()) {
        let (egress, own) = match (&line.from, &line.to) {
            (End::Workload(own), End::Outside(a)) if !a.v4().is_empty() => (true, own),
            (End::Outside(a), End::Workload(own)) if !a.v4().is_empty() => (false, own),
            _ => continue,
        };
        let own = engine.network().workloads[*own].label();
        let (from, to) = (end(engine, &line.from), end(engine, &line.to));
        let shown = inside.contains(&(egress, own)) && question.wants(&from, &to);
        if shown && asked(question, &line.verdict) {
            rows.push(Row { from, to, said: of_exposure(question, &line.verdict) });
        }
    }
    answer.exposure = Table::new(rows)?;
    answer.optional = Table::new(optional)?;
    Ok(())
}

/// Returns whether a rule of a policy that selects the workload names a group.
fn is_named(engine: &Engine, workload: &Workload, direction: Direction, group: &Group) -> bool {
    let selecting = workload.parties.iter().flat_map(|p| engine.selecting(direction, *p));
    let rules = selecting.filter_map(|(policy, _)| engine.policy(*policy).of(direction));
    rules.flatten().flat_map(|rule| &rule.peers).any(|peer| {
        matches!(peer, Peer::Pods(within, pods) if *within == group.within && *pods == group.pods)
    })
}

/// Returns whether pods match a group of plain labels: the analyzer omits it then if it is written
/// as `matchLabels`.
fn is_there(engine: &Engine, group: &Group) -> bool {
    let plain = |selector: &Selector| {
        let one = |r: &Requirement| r.operator == Operator::In && r.values.len() == 1;
        selector.requirements().is_some_and(|all| all.iter().all(one))
    };
    let within = match &group.within {
        Within::Selected(selector) => plain(selector),
        Within::Namespace(_) => true,
    };
    let network = engine.network();
    let holds = |party: &Party| {
        let Some(namespace) = party.namespace.and_then(|n| network.namespaces.get(n)) else {
            return false;
        };
        let inside = match &group.within {
            Within::Namespace(name) => *name == namespace.name,
            Within::Selected(selector) => {
                selector.selects(|key| namespace.labels.get(key)) == Selects::Yes
            }
        };
        inside && group.pods.selects(|key| party.labels.get(key)) == Selects::Yes
    };
    within && plain(&group.pods) && network.parties.iter().any(holds)
}

/// Returns the analyzer's name of a group.
fn named(group: &Group) -> String {
    let within = match &group.within {
        Within::Namespace(name) => name.clone(),
        Within::Selected(selector) if selector.is_everything() => "[all namespaces]".to_owned(),
        Within::Selected(selector) => {
            // The label that every namespace has is its name.
            match selector.requirements() {
                Some([one])
                    if one.key == "kubernetes.io/metadata.name"
                        && one.operator == Operator::In
                        && one.values.len() == 1 =>
                {
                    one.values[0].clone()
                }
                _ => format!("[namespace with {}]", braces(selector)),
            }
        }
    };
    match group.pods.is_everything() {
        true => format!("{within}/[all pods]"),
        false => format!("{within}/[pod with {}]", braces(&group.pods)),
    }
}

fn braces(selector: &Selector) -> String {
    let one = |requirement: &Requirement| {
        let operator = match requirement.operator {
            Operator::In => "In",
            Operator::NotIn => "NotIn",
            Operator::Exists => "Exists",
            Operator::DoesNotExist => "DoesNotExist",
        };
        let values = requirement.values.join(" ");
        format!("{{Key:{},Operator:{operator},Values:[{values}],}}", requirement.key)
    };
    format!(
        "{{{}}}",
        selector.requirements().unwrap_or(&[]).iter().map(one).collect::<Vec<_>>().join(",")
    )
}

fn difference(old: &Path, new: &Path) -> anyhow::Result<Answer> {
    let read = |folder: &Path| -> anyhow::Result<_> {
        let mut engine = engine(folder)?;
        let imagined = Imagined::by_rules(&mut engine);
        let names: BTreeSet<_> = engine.network().workloads.iter().map(|w| w.label()).collect();
        Ok((names, engine, imagined))
    };
    let (before, after) = (read(old)?, read(new)?);
    let serving = [&before, &after].map(|side| Serving::assumed(side.2.rest));
    let changes =
        pavisade_netpol::differences((&before.1, Some(&serving[0])), (&after.1, Some(&serving[1])));
    let mut rows = Vec::new();
    for change in changes {
        let info = |end: &pavisade_netpol::Name| match (
            before.0.contains(&end.to_string()),
            after.0.contains(&end.to_string()),
        ) {
            (true, false) => Some(format!("workload {end} removed")),
            (false, true) => Some(format!("workload {end} added")),
            _ => None,
        };
        let (a, b) = (said(&change.old), said(&change.new));
        let kind = match (change.old.allow.is_empty(), change.new.allow.is_empty()) {
            (true, _) => "added",
            (_, true) => "removed",
            _ => "changed",
        };
        let infos: Vec<_> = [&change.from, &change.to].into_iter().filter_map(info).collect();
        let shown = |end: &pavisade_netpol::Name| match end {
            pavisade_netpol::Name::Outside(addresses) => format!("{}[External]", addresses.v4()),
            pavisade_netpol::Name::Controller => CONTROLLER.to_owned(),
            other => other.to_string(),
        };
        let v6 = |end: &pavisade_netpol::Name| matches!(end, pavisade_netpol::Name::Outside(a) if a.v4().is_empty());
        if v6(&change.from) || v6(&change.to) {
            continue;
        }
        rows.push(Row {
            from: shown(&change.from),
            to: shown(&change.to),
            said: format!("{kind}: {a}; {b}; {}", infos.join(", ")),
        });
    }
    Ok(Answer { table: Table::new(rows)?, ..Answer::default() })
}

fn explained(engine: &Engine, imagined: &Imagined, question: &Question) -> anyhow::Result<Answer> {
    let mut answer = Answer::default();
    let mut put = |from: String, to: String, all_steps: &[Step], verdict: &Verdict| {
        let steps = all_steps;
        if !question.wants(&from, &to) {
            return;
        }
        let only = question.only.clone().unwrap_or_else(Connections::all);
        let mut explained = Explained {
            allowed: verdict.certain().intersect(&only),
            // What is not certain is neither, and so agrees with nothing.
            denied: verdict.deny.subtract(&verdict.allow).intersect(&only),
            ..Explained::default()
        };
        if question.denied {
            explained.allowed = Connections::none();
        }
        if explained.allowed.is_empty() && explained.denied.is_empty() {
            return;
        }
        for step in steps.iter().filter(|step| !step.connections.intersect(&only).is_empty()) {
            // A policy with a rule that names the other end is not listed as merely selecting.
            let names = |one: &&Step| {
                one.policy == step.policy && one.direction == step.direction && one.rule.is_some()
            };
            // The analyzer stops once a policy allows everything.
            let before =
                |one: &&Step| names(one) && one.rule < step.rule && one.connections.is_all();
            let of_network = step.policy.is_some_and(|p| engine.policy(p).tier == Tier::Network);
            if of_network && step.rule.is_some() && all_steps.iter().any(|one| before(&one)) {
                continue;
            }
            if step.rule.is_some() || !all_steps.iter().any(|one| names(&one)) {
                explained.deeds.extend(deed(engine, step));
            }
        }
        answer.explained.insert((from, to), explained);
    };
    let network = engine.network();
    let workloads = network.workloads.iter().map(|w| (w.label(), w.parties[0]));
    let outside = engine.outside().filter_map(|id| match &engine.party(id).kind {
        Kind::Outside(a) if !a.v4().is_empty() => Some((a.v4(), id)),
        _ => None,
    });
    let outside: Vec<_> = outside
        .flat_map(|(a, id)| a.parts().map(move |p| (p, id)).collect::<Vec<_>>())
        .map(|(a, id)| (format!("{}[External]", range(&a)), id))
        .collect();
    let workloads: Vec<(String, PartyId)> = workloads.collect();
    let both: Vec<_> = workloads.iter().chain(&outside).collect();
    for (from, a) in &both {
        for (to, b) in &both {
            let external = from.ends_with("[External]") && to.ends_with("[External]");
            if from != to && !external {
                put(from.clone(), to.clone(), &engine.explain(*a, *b), &engine.verdict(*a, *b));
            }
        }
    }
    for (workload, mut verdict) in controlled(engine, imagined) {
        let workload = &network.workloads[workload];
        verdict.deny = verdict.deny.union(&verdict.allow.complement());
        let steps = engine.explain(imagined.rest, workload.parties[0]);
        put(CONTROLLER.to_owned(), workload.label(), &steps, &verdict);
    }
    if question.exposure {
        exposure(engine, imagined, question, &mut answer)?;
    }
    Ok(answer)
}

/// Returns a range in the analyzer's format.
fn range(addresses: &pavisade_netpol::Addresses) -> String {
    addresses.first_last().map(|(a, b)| format!("{a}-{b}")).unwrap_or_default()
}

fn deed(engine: &Engine, step: &Step) -> Option<(String, String, String, String)> {
    let policy = engine.policy(step.policy?);
    let name = match &*policy.namespace {
        "" => format!("{} {}", policy.object.kind(), policy.object.name()),
        namespace => format!("{} {namespace}/{}", policy.object.kind(), policy.object.name()),
    };
    let direction = step.direction.name().to_owned();
    let Some(rule) = step.rule else {
        return Some(("selects".to_owned(), name, direction, String::new()));
    };
    let verb = match step.action {
        Action::Allow => "allows",
        Action::Deny => "denies",
        Action::Pass => "passes",
        Action::Unknown => "may allow or deny",
    };
    let rules = policy.of(step.direction)?;
    let rule = match &*rules[rule].name {
        "" => format!("#{}", rule + 1),
        name => name.to_owned(),
    };
    Some((verb.to_owned(), name, direction, rule))
}
