//! JSON output: `pavisade.dev/rbac/v1`.

use pavisade_judgement::{AccessBasis, AccessRoute, FileLine, Item, Permission, RuleText, Verdict};
use serde_json::{Value, json};

use super::AccessPage;

pub(super) fn document(page: AccessPage<'_>) -> Value {
    let (kind, results): (_, Vec<Value>) = match page {
        AccessPage::WhoCan(all) => {
            let one = |of: &pavisade_judgement::WhoCan| {
                let holders = of.holders.iter().map(|holder| {
                    json!({
                        "kind": holder.kind,
                        "namespace": holder.namespace,
                        "name": holder.name,
                        "routes": routes(&holder.routes),
                    })
                });
                json!({
                    "basis": basis(&of.basis),
                    "question": of.question,
                    "remarks": of.remarks,
                    "holders": holders.collect::<Vec<_>>(),
                    "complete": of.basis.doubts.is_empty() && !of.basis.partial,
                })
            };
            ("WhoCan", all.iter().map(one).collect())
        }
        AccessPage::Can(all, _) => {
            let one = |of: &pavisade_judgement::CanDo| {
                json!({
                    "basis": basis(&of.basis),
                    "subject": of.subject,
                    "groups": of.groups,
                    "remarks": of.remarks,
                    "rules": routes(&of.routes),
                })
            };
            ("Can", all.iter().map(one).collect())
        }
        AccessPage::Explained(all) => {
            let one = |of: &pavisade_judgement::AccessExplained| {
                let near = of
                    .near
                    .iter()
                    .map(|near| json!({"lacks": near.lacks, "route": route(&near.route)}));
                json!({
                    "basis": basis(&of.basis),
                    "subject": of.subject,
                    "groups": of.groups,
                    "question": of.question,
                    "remarks": of.remarks,
                    "verdict": match of.verdict {
                        Verdict::Allowed => "allowed",
                        Verdict::Refused => "refused",
                        Verdict::Unknown => "unknown",
                    },
                    "through": of.through,
                    "routes": routes(&of.routes),
                    "near": near.collect::<Vec<_>>(),
                    "missing": of.missing,
                })
            };
            ("Explained", all.iter().map(one).collect())
        }
        AccessPage::Diff(of) => {
            let permissions = |list: &[Permission]| {
                let one = |p: &Permission| {
                    json!({
                        "namespace": p.namespace,
                        "on": p.on,
                        "names": p.names,
                        "verbs": p.verbs,
                        "route": route(&p.route),
                    })
                };
                list.iter().map(one).collect::<Vec<_>>()
            };
            let subjects = of.subjects.iter().map(|one| {
                json!({
                    "subject": one.subject,
                    "gains": permissions(&one.gains),
                    "loses": permissions(&one.loses),
                })
            });
            let subjects: Vec<_> = subjects.collect();
            let all = json!({
                "old": basis(&of.old),
                "new": basis(&of.new),
                "authorizers": of.authorizers,
                "subjects": subjects,
            });
            ("Diff", vec![all])
        }
        AccessPage::Lint(all) => {
            let one = |of: &pavisade_judgement::AccessLint| {
                let faults = of.faults.iter().map(|fault| {
                    json!({
                        "rule": fault.rule,
                        "object": item(&fault.item),
                        "place": place(fault.place.as_ref()),
                        "field": fault.field,
                        "message": fault.message,
                        "advice": fault.advice,
                    })
                });
                json!({
                    "basis": basis(&of.basis),
                    "roles": of.roles,
                    "bindings": of.bindings,
                    "faults": faults.collect::<Vec<_>>(),
                })
            };
            ("Lint", all.iter().map(one).collect())
        }
    };
    json!({"apiVersion": "pavisade.dev/rbac/v1", "kind": kind, "results": results})
}

fn basis(of: &AccessBasis) -> Value {
    json!({
        "world": of.world,
        "authorizers": of.authorizers,
        "authorizersFrom": of.authorizers_from,
        "partial": of.partial,
        "unknown": of.doubts,
    })
}

fn routes(all: &[AccessRoute]) -> Vec<Value> {
    all.iter().map(route).collect()
}

fn route(of: &AccessRoute) -> Value {
    json!({
        "binding": item(&of.binding),
        "role": item(&of.role),
        "rule": rule(&of.rule),
        "namespace": of.namespace,
        "namespaceWhereApplied": of.adrift,
    })
}

fn rule(of: &RuleText) -> Value {
    json!({
        "verbs": of.verbs,
        "apiGroups": of.groups,
        "resources": of.resources,
        "resourceNames": of.names,
        "nonResourceURLs": of.paths,
        "field": of.field,
        "place": place(of.place.as_ref()),
        "copiedFrom": of.from.as_ref().map(item),
    })
}

fn item(of: &Item) -> Value {
    json!({
        "kind": of.kind,
        "namespace": of.namespace,
        "name": of.name,
        "place": place(of.place.as_ref()),
        "remark": of.remark,
    })
}

fn place(of: Option<&FileLine>) -> Value {
    of.map_or(Value::Null, |line| json!({"file": line.file, "line": line.line}))
}
