//! PV-S004.

use pavisade_macros::check;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dockerfile::{Base, base, stages};
use crate::{Check, Cx, OnObject, Place, Verdict};
use pavisade_images::reference::Reference;

/// Dockerfile runs as root
///
/// ## Why
/// The process in the container is root unless the pod overrides the user: an escape from the
/// container then gives root on the node.
///
/// ## Fix
/// End the last stage with `USER` and a number other than 0 (`USER 10001:10001`). Use a number
/// because `runAsNonRoot` cannot check names.
#[check(id = "PV-S004", severity = Medium, scope = Object, files_only = true, on = [DOCKERFILE])]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DockerfileRootUser {}

impl Check for DockerfileRootUser {
    type On = OnObject;

    fn check<'a>(&self, file: &'a Object, _: &Cx<'a>) -> Verdict<'a> {
        let stages = stages(file);
        let Some(&last) = stages.last() else { return Verdict::NotApplicable };
        // A stage without USER has that of its base.
        let mut index = stages.len() - 1;
        loop {
            let Some(stage) = stages.get(index) else { return Verdict::NotApplicable };
            if let Some(user) = stage.get("user") {
                return judge_user(user, &stages, index);
            }
            match base(&stages, index) {
                Base::Stage(earlier) => index = earlier,
                other => return judge_base(last, other),
            }
        }
    }
}

fn judge_user<'a>(value: Value<'a>, stages: &[Value<'a>], index: usize) -> Verdict<'a> {
    // `USER` takes one word.
    let text = value.as_str().and_then(|t| t.split_whitespace().next()).unwrap_or("");
    let user = text.split(':').next().unwrap_or(text);
    if user.contains('$') {
        // Microsoft's .NET images define it as 1654 (learn.microsoft.com, since .NET 8).
        let dotnet = matches!(user, "$APP_UID" | "${APP_UID}")
            && external_base(stages, index).is_some_and(|r| {
                r.registry() == "mcr.microsoft.com" && r.repository().starts_with("dotnet/")
            });
        return if dotnet {
            Verdict::Holds
        } else {
            Verdict::unknown(value, format!("the user `{text}` is known only during the build"))
        };
    }
    let is_zero = !user.is_empty() && user.bytes().all(|b| b == b'0');
    // The administrator of Windows containers is equivalent.
    let is_root = user == "root" || user.eq_ignore_ascii_case("ContainerAdministrator");
    if is_zero || is_root {
        Verdict::fails(value, format!("the image runs as `{text}`"))
    } else if user.is_empty() {
        Verdict::unknown(value, "`USER` has no value")
    } else {
        Verdict::Holds
    }
}

/// Returns the image at the base of a chain of stages.
fn external_base<'a>(stages: &[Value<'a>], index: usize) -> Option<Reference<'a>> {
    match base(stages, index) {
        Base::Stage(earlier) => external_base(stages, earlier),
        Base::Image(reference) => Some(reference),
        Base::Scratch | Base::Unclear(_) => None,
    }
}

fn judge_base<'a>(last: Value<'a>, base: Base<'a>) -> Verdict<'a> {
    let place = Place::field(last, &["user"]);
    let reference = match base {
        Base::Image(reference) => reference,
        Base::Scratch => {
            return Verdict::fails(place, "there is no `USER`, so the image runs as root");
        }
        Base::Stage(_) => return Verdict::NotApplicable,
        Base::Unclear(why) => return Verdict::unknown(place, why),
    };
    let (registry, repository) = (reference.registry(), reference.repository());
    let tag = reference.tag.unwrap_or("");
    let name = format!("{registry}/{repository}");
    if has_other_user(&name, tag) {
        Verdict::Holds
    } else if is_root_image(&name) {
        Verdict::fails(place, format!("there is no `USER`, and `{name}` runs as root"))
    } else {
        let why = format!("there is no `USER`, and it is not known which user `{name}` sets");
        Verdict::unknown(place, why)
    }
}

/// Whether the image is published to run as a user other than root.
fn has_other_user(name: &str, tag: &str) -> bool {
    // Distroless: `nonroot`, `debug-nonroot`.
    tag.split('-').any(|word| matches!(word, "nonroot" | "rootless"))
        || name.ends_with("-nonroot")
        || name.ends_with("-unprivileged")
}

/// Whether the image's configuration sets no user: official base images.
fn is_root_image(name: &str) -> bool {
    const OFFICIAL: [&str; 37] = [
        "almalinux",
        "alpine",
        "amazoncorretto",
        "amazonlinux",
        "archlinux",
        "bash",
        "buildpack-deps",
        "busybox",
        "caddy",
        "clojure",
        "composer",
        "debian",
        "docker",
        "eclipse-temurin",
        "elixir",
        "erlang",
        "fedora",
        "golang",
        "haskell",
        "httpd",
        "julia",
        "mariadb",
        "maven",
        "mongo",
        "mysql",
        "nginx",
        "node",
        "openjdk",
        "oraclelinux",
        "perl",
        "php",
        "postgres",
        "python",
        "redis",
        "rockylinux",
        "ruby",
        "rust",
    ];
    if let Some(official) = name.strip_prefix("docker.io/library/") {
        return OFFICIAL.contains(&official) || matches!(official, "ubuntu" | "centos" | "swift");
    }
    const OTHERS: [&str; 6] = [
        "gcr.io/distroless/",
        "registry.access.redhat.com/ubi8/ubi",
        "registry.access.redhat.com/ubi9/ubi",
        "registry.access.redhat.com/ubi10/ubi",
        "public.ecr.aws/amazonlinux/",
        "registry.fedoraproject.org/fedora",
    ];
    OTHERS.iter().any(|start| name.starts_with(start))
}
