//! Detection of policies that require signatures.

use pavisade_model::{GroupKind, kinds};
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

/// What a policy does.
pub(super) enum Finds {
    /// It rejects pods with unsigned images.
    Demands,
    /// It may require signatures, but that is not known. Contains the reason.
    Unclear(&'static str),
    /// It verifies images but admits unsigned ones. Contains how.
    Weak(&'static str),
    /// It is not about signatures.
    Nothing,
}

/// A function that evaluates policies of one kind.
type Look = fn(&Object) -> Finds;

/// Kinds of policies, most conclusive first.
pub(super) static POLICIES: &[(GroupKind, Look)] = &[
    (kinds::CLUSTER_IMAGE_POLICY, policy_controller),
    (kinds::KYVERNO_IMAGE_VALIDATING_POLICY, image_validating),
    (kinds::KYVERNO_NAMESPACED_IMAGE_VALIDATING_POLICY, namespaced),
    (kinds::KYVERNO_CLUSTER_POLICY, kyverno),
    (kinds::KYVERNO_POLICY, namespaced_kyverno),
    (kinds::CONSTRAINT_TEMPLATE, template),
    (kinds::RATIFY_VERIFIER, ratify),
    (kinds::VALIDATING_WEBHOOK_CONFIGURATION, webhook),
    (kinds::MUTATING_WEBHOOK_CONFIGURATION, webhook),
    (kinds::VALIDATING_ADMISSION_POLICY, expressions),
];

const REPORTS: &str = "only reports";
const ONE_NAMESPACE: &str = "applies only to its own namespace";

/// policy-controller of sigstore: `mode: warn` admits everything.
fn policy_controller(policy: &Object) -> Finds {
    let mode = policy.at(&["spec", "mode"]).and_then(Value::as_str);
    if mode == Some("warn") {
        return Finds::Weak("only warns");
    }
    let authorities = policy.at(&["spec", "authorities"]).into_iter().flat_map(Value::items);
    let mut actions = authorities.map(|a| a.at(&["static", "action"]).and_then(Value::as_str));
    // `static: {action: pass}` admits matching images without verification.
    match actions.all(|action| action == Some("pass"))
        && policy.at(&["spec", "authorities"]).is_some()
    {
        true => Finds::Weak("exempts the images that it matches"),
        false => Finds::Demands,
    }
}

/// Kyverno's CEL policies, since 1.14.
fn image_validating(policy: &Object) -> Finds {
    let actions = policy.at(&["spec", "validationActions"]);
    let denies = actions.is_none_or(|a| a.items().any(|a| a.as_str() == Some("Deny")));
    if denies { Finds::Demands } else { Finds::Weak(REPORTS) }
}

fn namespaced(policy: &Object) -> Finds {
    match image_validating(policy) {
        Finds::Demands => Finds::Weak(ONE_NAMESPACE),
        other => other,
    }
}

/// Kyverno's older policies: a rule rejects if its own action, or else that of the policy,
/// enforces.
fn kyverno(policy: &Object) -> Finds {
    let enforces = |value: Option<Value<'_>>| {
        value.and_then(Value::as_str).map(|action| action.eq_ignore_ascii_case("enforce"))
    };
    let of_policy = enforces(policy.at(&["spec", "validationFailureAction"]));
    let rules = policy.at(&["spec", "rules"]).into_iter().flat_map(Value::items);
    let verify = rules.flat_map(|rule| rule.list("verifyImages"));
    let mut found = Finds::Nothing;
    for verify in verify {
        let own = enforces(verify.get("failureAction"));
        if verify.bool("required") == Some(false) {
            found = Finds::Weak("also accepts unsigned images");
        } else if own.or(of_policy).unwrap_or(false) {
            return Finds::Demands;
        } else {
            found = Finds::Weak(REPORTS);
        }
    }
    found
}

fn namespaced_kyverno(policy: &Object) -> Finds {
    match kyverno(policy) {
        Finds::Demands => Finds::Weak(ONE_NAMESPACE),
        other => other,
    }
}

/// Gatekeeper templates, by their name or by the provider they query.
fn template(template: &Object) -> Finds {
    let kind = template.at(&["spec", "crd", "spec", "names", "kind"]).and_then(Value::as_str);
    let kind = kind.unwrap_or("").to_ascii_lowercase();
    let asks_ratify = || {
        let targets = template.at(&["spec", "targets"]);
        let texts = targets.into_iter().flat_map(Value::descendants).filter_map(Value::as_str);
        texts.into_iter().any(|text| text.contains("ratify") && text.contains("external_data"))
    };
    let signs = ["signature", "signed", "cosign", "ratif", "notation"];
    if signs.iter().any(|word| kind.contains(word)) || asks_ratify() {
        // Whether a constraint rejects is in an object of the template's own kind.
        return Finds::Unclear("may verify signatures; its constraints were not read");
    }
    Finds::Nothing
}

fn ratify(_: &Object) -> Finds {
    Finds::Unclear(
        "verifies signatures for Gatekeeper; it is not known whether a constraint enforces them",
    )
}

/// Webhooks of programs that verify signatures and keep their policy elsewhere.
fn webhook(configuration: &Object) -> Finds {
    const VERIFIERS: [&str; 4] = ["connaisseur", "portieris", "notary-admission", "cosigned"];
    let name = configuration.name().to_ascii_lowercase();
    if VERIFIERS.iter().any(|verifier| name.contains(verifier)) {
        return Finds::Unclear("calls a program that verifies signatures; its policy was not read");
    }
    Finds::Nothing
}

/// CEL expressions can read an image's name but not its signature.
fn expressions(policy: &Object) -> Finds {
    let validations = policy.at(&["spec", "validations"]).into_iter().flat_map(Value::items);
    let mut texts = validations.filter_map(|v| v.str("expression"));
    match texts.any(|text| text.contains(".image")) {
        true => Finds::Weak("checks the name of an image, not its signature"),
        false => Finds::Nothing,
    }
}
