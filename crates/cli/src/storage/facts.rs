//! Facts about what a database stores, as documents of the kind `EtcdFacts`.

use pavisade_storage::{Count, Form, Integrity, Tally, Writer};
use serde_json::{Value, json};

use super::{Member, Proven, Read, verdict};

/// Returns one document, or a `List` of them.
pub(crate) fn list(read: &Read) -> Value {
    let mut all: Vec<_> = read.members.iter().map(|member| document(member, read)).collect();
    match all.len() {
        1 => all.remove(0),
        _ => json!({ "apiVersion": "v1", "kind": "List", "items": all }),
    }
}

fn document(member: &Member, read: &Read) -> Value {
    let proof = &member.proof;
    let damages = &proof.damages;
    let listed = damages.listed.iter().map(|one| json!({ "page": one.page, "why": one.why }));
    let resources = proof.resources.iter().map(|(name, tally)| {
        let verdict = match verdict(proof, tally) {
            Proven::Encrypted => "encrypted",
            Proven::Remains => "remains",
            Proven::Plain => "plaintext",
            Proven::Unknown => "unknown",
            Proven::Nothing => "nothing",
        };
        resource(name, tally, verdict)
    });
    json!({
        "apiVersion": "pavisade.dev/v1",
        "kind": "EtcdFacts",
        "metadata": { "name": member.name },
        "size": proof.size,
        "pageSize": proof.page_size,
        "transaction": proof.transaction,
        "revision": proof.revision,
        "compactedRevision": proof.compacted,
        "snapshotHash": match proof.integrity {
            Integrity::Right => "matches",
            Integrity::Wrong => "differs",
            Integrity::None => "absent",
            Integrity::Cut => "cut",
        },
        "complete": proof.complete,
        "damage": { "count": damages.count, "listed": listed.collect::<Vec<_>>() },
        "notes": proof.notes,
        "drift": read.drift,
        "withConfiguration": read.expected.is_some(),
        "resources": resources.collect::<Vec<_>>(),
        "otherKeys": { "values": proof.other.values, "bytes": proof.other.bytes },
    })
}

fn resource(name: &str, tally: &Tally, verdict: &str) -> Value {
    let total = tally.total();
    let forms = |forms: &std::collections::BTreeMap<Form, Count>| {
        forms.iter().map(|(form, count)| of_form(form, *count)).collect::<Vec<_>>()
    };
    let stale = tally.listed.iter().map(|stale| {
        json!({
            "object": stale.object,
            "form": stale.form.label(),
            "revision": stale.revision,
        })
    });
    json!({
        "resource": name,
        "verdict": verdict,
        "objects": total.values,
        "bytes": total.bytes,
        "encrypted": tally.encrypted().values,
        "plaintext": tally.plain().values,
        "forms": forms(&tally.current),
        "oldRevisions": forms(&tally.old),
        "oldPlaintext": tally.old_plain().values,
        "freePages": forms(&tally.free),
        "freePlaintext": tally.free_plain().values,
        "deletions": tally.deletions,
        "writer": tally.writer.as_ref().map(Writer::label),
        "newest": tally.newest.as_ref().map(|(revision, form)| {
            json!({ "revision": revision, "form": form.label() })
        }),
        "stale": tally.stale,
        "staleObjects": stale.collect::<Vec<_>>(),
    })
}

fn of_form(form: &Form, count: Count) -> Value {
    let mut value = json!({ "form": form.label(), "values": count.values, "bytes": count.bytes });
    if let Form::Encrypted { provider, key, key_id } = form {
        value["provider"] = json!(provider.name());
        value["key"] = json!(key);
        if let Some(id) = key_id {
            value["keyId"] = json!(id);
        }
    }
    value
}
