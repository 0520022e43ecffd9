//! A check that is made at run time is judged like any other.

use std::collections::HashMap;

use pavisade_checks::{Catalog, CheckSet, MadeCheck, Place, Taken, Timestamp, Verdict};
use pavisade_model::{
    Area, Audience, Confidence, Fixable, GroupKind, KubernetesVersion, Meta, Rule, Scope, Severity,
    Together,
};
use pavisade_snapshot::{Object, Snapshot, WorldKind, WorldParts};
use pavisade_yaml::{Source, objects, read};

/// A user's policy: every `Widget` names its owner.
fn policy(id: &str, name: &str) -> MadeCheck {
    let text = |text: &str| text.to_owned().into();
    let rule = Rule {
        id: text(id),
        name: text(name),
        title: text("Widget without an owner."),
        why: text("Nobody knows whom to ask."),
        advice: text("Set `spec.owner`."),
        severity: Severity::Medium,
        confidence: Confidence::High,
        audience: Audience::Everyone,
        area: Area::Compliance,
        fixable: Fixable::Never,
        secret: false,
        parts: Vec::new().into(),
        together: Together::Object,
    };
    let meta = Meta {
        rule,
        scope: Scope::Object,
        on: vec![GroupKind::made("shop.example", "Widget", "widgets").unwrap()].into(),
        programs: &[],
        strict_in_files: false,
        files_only: false,
        at_rest: false,
        facts: &[],
        reads: Vec::new().into(),
    };
    MadeCheck::new(meta, |object, _| match object.at(&["spec", "owner"]) {
        Some(_) => Verdict::Holds,
        None => Verdict::fails(Place::field(object.value(), &["spec", "owner"]), "no owner"),
    })
}

#[test]
fn a_made_check_is_judged() {
    let catalog = Catalog::builtin().with([policy("OWN-1", "unowned-widget")]).unwrap();
    assert_eq!(catalog.named("own-1").unwrap().rule().name, "unowned-widget");
    assert_eq!(catalog.similar("unowned-widgt"), Some("unowned-widget"));
    let entry = catalog.named("unowned-widget").unwrap();
    assert!(entry.takes(&serde_json::json!({})).is_ok());
    assert!(entry.takes(&serde_json::json!({"x": 1})).is_err());
    let wanted = |meta: &Meta| meta.rule.id == "OWN-1";
    let set = CheckSet::new(&catalog, KubernetesVersion::LATEST, wanted, &HashMap::new());
    let set = set.map_err(|error| error.message).unwrap();
    // What a cluster has to be asked for.
    assert_eq!(set.kinds()[0].full_resource(), "widgets.shop.example");

    let text = "apiVersion: shop.example/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 1}\n---\n\
                apiVersion: shop.example/v2\nkind: Widget\nmetadata: {name: b}\nspec: {owner: x}\n---\n\
                apiVersion: other.example/v1\nkind: Widget\nmetadata: {name: c}\n";
    let source = Source::new("w.yaml", text);
    let docs = read(&source).docs;
    let found = docs.iter().flat_map(|doc| objects(doc.root()).sent);
    let found = found.map(|o| Object::new(o.value, o.api_version, o.kind)).collect();
    let world = WorldParts::files("w", WorldKind::Files, found);
    let snapshot = Snapshot::new(vec![world], Vec::new());
    let world = &snapshot.worlds()[0];
    let mut said = Vec::new();
    for object in world.objects() {
        set.judge_object(world, object, Timestamp::UNIX_EPOCH, &mut |report| {
            let verdict = match report.verdict {
                Verdict::Holds => "holds",
                Verdict::Fails(_) => "fails",
                _ => "other",
            };
            said.push(format!("{} {} {verdict}", report.rule.id, object.name()));
        });
    }
    assert_eq!(said, ["OWN-1 a fails", "OWN-1 b holds"]);
}

#[test]
fn an_id_or_name_is_taken_once() {
    let catalog = Catalog::builtin();
    for (id, name) in [("pv-c001", "new"), ("OWN-1", "Host-Port")] {
        let taken = catalog.with([policy(id, name)]).map(drop);
        assert!(matches!(taken, Err(Taken(_))), "{id} {name}");
    }
    let both = [policy("OWN-1", "a"), policy("OWN-2", "A")];
    assert_eq!(catalog.with(both).map(drop), Err(Taken("A".to_owned())));
}
