//! The authentication methods of an API server, for `pavisade identity`.
//!
//! A second factor is proven only if the API server itself rejects a login without one, and only if
//! it cannot be bypassed: a client certificate or a static token needs none.

use pavisade_judgement::{FileLine, Mfa, WayIn, WaysIn};
use pavisade_model::kinds;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::claims::Demand;
use super::issuer::{Who, who};
use super::lifetime::Lifetime;
use super::mfa_not_provable::{Rules, equal};
use crate::component::components;
use crate::{Component, Reads, View};

/// The kinds that are read.
pub const READS: Reads = &[&[
    kinds::POD,
    kinds::AUTHENTICATION_CONFIGURATION,
    kinds::KUBEADM_CLUSTER_CONFIGURATION,
    kinds::CLUSTER,
    kinds::SERVICE_ACCOUNT,
]];

/// Returns the authentication methods of a world's API server. `view` must show [`READS`].
pub fn ways_in(world: &str, view: &View<'_>) -> WaysIn {
    let mut ways = Ways { live: view.is_live(), ways: Vec::new(), doubts: Vec::new() };
    let files = view.list(kinds::AUTHENTICATION_CONFIGURATION).objects;
    let of = [kinds::POD, kinds::KUBEADM_CLUSTER_CONFIGURATION];
    let objects: Vec<_> = of.into_iter().flat_map(|kind| view.list(kind).objects).collect();
    let servers: Vec<_> = objects
        .iter()
        .flat_map(|object| components(object))
        .filter(|component| component.name() == "kube-apiserver")
        .collect();
    for file in &files {
        ways.file(file);
    }
    match servers.first() {
        Some(server) => ways.flags(*server, !files.is_empty()),
        None => {
            let what = if view.is_live() { "of this cluster" } else { "here" };
            ways.doubts.push(format!(
                "the flags of the API server were not read {what}: client certificates, static tokens, webhooks \
                 and front proxies may also let people in"
            ));
        }
    }
    ways.accounts();
    let mfa = overall(&ways.ways, !ways.doubts.is_empty());
    WaysIn { world: world.to_owned(), ways: ways.ways, mfa, doubts: ways.doubts }
}

fn overall(ways: &[WayIn], doubts: bool) -> Mfa {
    let has = |mfa| ways.iter().any(|way| way.mfa == mfa);
    match () {
        () if has(Mfa::NotProven) => Mfa::NotProven,
        () if has(Mfa::Unknown) || doubts => Mfa::Unknown,
        () if has(Mfa::Proven) => Mfa::Proven,
        () => Mfa::Machines,
    }
}

struct Ways {
    live: bool,
    ways: Vec<WayIn>,
    doubts: Vec<String>,
}

const NO_REVOCATION: &str = "not possible: only a new certificate authority ends it";
const UNTIL_EXPIRY: &str =
    "at the issuer for new logins; a token that was issued goes on until it expires";

impl Ways {
    fn place(&self, value: Value<'_>) -> Option<FileLine> {
        let source = value.doc().source();
        let at = value.key_span().unwrap_or(value.span()).start;
        (!self.live)
            .then(|| FileLine { file: source.shown().into_owned(), line: source.line_at(at) })
    }

    fn add(
        &mut self,
        name: impl Into<String>,
        who: &str,
        mfa: (Mfa, String),
        life: String,
        revocation: &str,
        at: Option<Value<'_>>,
    ) {
        let place = at.and_then(|value| self.place(value));
        let (mfa, why) = mfa;
        let (who, revocation) = (who.to_owned(), revocation.to_owned());
        self.ways.push(WayIn { name: name.into(), who, mfa, why, life, revocation, place });
    }

    fn file(&mut self, file: &Object) {
        for entry in file.value().list("jwt") {
            let url = entry.at(&["issuer", "url"]);
            let name = url.and_then(Value::as_str).unwrap_or("(no URL)");
            let rules = Rules::read(entry);
            let of = who(name);
            let life = match rules.lifetime {
                Lifetime::AtMost(seconds) => format!("at most {}", words(seconds)),
                Lifetime::Unlimited => "as long as the issuer decides".to_owned(),
                Lifetime::Unclear => "not clear from the rules".to_owned(),
            };
            let mfa = graded(of, &rules.factor);
            self.add(
                format!("OIDC issuer {name}"),
                people(of),
                mfa,
                life,
                UNTIL_EXPIRY,
                url.or(Some(entry)),
            );
        }
        let anonymous = file.at(&["anonymous"]);
        let enabled = anonymous.and_then(|one| one.bool("enabled"));
        if enabled == Some(true) {
            let paths: Vec<_> = anonymous
                .into_iter()
                .flat_map(|one| one.list("conditions"))
                .filter_map(|one| one.str("path"))
                .collect();
            self.anonymous(&paths, anonymous);
        }
    }

    fn anonymous(&mut self, paths: &[&str], at: Option<Value<'_>>) {
        let limited = match paths {
            [] => "anybody; what they may do is a matter of RBAC".to_owned(),
            paths => format!("anybody, for {} alone", paths.join(", ")),
        };
        let harmless = !paths.is_empty()
            && paths
                .iter()
                .all(|path| matches!(*path, "/livez" | "/readyz" | "/healthz" | "/version"));
        let mfa = match harmless {
            true => (Mfa::Machines, "health checks need no login".to_owned()),
            false => (Mfa::NotProven, "no credential is asked for".to_owned()),
        };
        self.add(
            "requests without a credential",
            &limited,
            mfa,
            "no credential".to_owned(),
            "does not apply",
            at,
        );
    }

    fn flags(&mut self, server: Component<'_>, has_file: bool) {
        let named = server.flag("authentication-config").is_some();
        if named && !has_file {
            self.doubts.push(
                "the file of `--authentication-config` was not read: specify it together with the others"
                    .to_owned(),
            );
        }
        if let Some(flag) = server.flag("client-ca-file") {
            let why = "a certificate proves a key, never a second factor";
            let life = "as long as the certificate says, often a year".to_owned();
            let whom = "anyone with a certificate from that authority: components, kubeadm's admin.conf, approved requests";
            self.add(
                "client certificates",
                whom,
                (Mfa::NotProven, why.to_owned()),
                life,
                NO_REVOCATION,
                Some(flag.place),
            );
        }
        if let Some(flag) = server.flag("token-auth-file") {
            let why = "a static token is a password that never changes";
            let revocation = "by changing the file and restarting the API server";
            self.add(
                "static tokens",
                "anyone with such a token",
                (Mfa::NotProven, why.to_owned()),
                "for ever".to_owned(),
                revocation,
                Some(flag.place),
            );
        }
        if let Some(flag) = server.flag("authentication-token-webhook-config-file") {
            let why = "a webhook decides, and what it demands is not known".to_owned();
            self.add(
                "token webhook",
                "whoever it says",
                (Mfa::Unknown, why),
                "as the webhook says".to_owned(),
                "as the webhook says",
                Some(flag.place),
            );
        }
        if let Some(flag) = server.flag("requestheader-client-ca-file") {
            let why = "anyone with a certificate of the front proxy can set any user".to_owned();
            let whom = "the front proxy: aggregated API servers, authenticating proxies";
            self.add(
                "front proxy",
                whom,
                (Mfa::Machines, why),
                "as long as its certificate says".to_owned(),
                NO_REVOCATION,
                Some(flag.place),
            );
        }
        if let Some(flag) =
            server.flag("enable-bootstrap-token-auth").filter(|flag| flag.bool() == Some(true))
        {
            let why = "new nodes join with it".to_owned();
            self.add(
                "bootstrap tokens",
                "nodes that join",
                (Mfa::Machines, why),
                "as the Secret says, often 24 hours".to_owned(),
                "by deleting the Secret",
                Some(flag.place),
            );
        }
        if let Some(flag) = server.flag("oidc-issuer-url") {
            let url = flag.text().unwrap_or("(filled in later)").to_owned();
            let required = server.flags("oidc-required-claim");
            let demand = required.iter().filter_map(|flag| flag.value.split_once('='));
            let demand =
                demand.map(|(claim, value)| equal(claim, value)).fold(Demand::Silent, Demand::and);
            let mfa = graded(who(&url), &demand);
            let life = "as long as the issuer decides".to_owned();
            self.add(
                format!("OIDC issuer {url}"),
                people(who(&url)),
                mfa,
                life,
                UNTIL_EXPIRY,
                Some(flag.place),
            );
        }
        let anonymous = server.flag("anonymous-auth");
        let said = self.ways.iter().any(|way| way.name == "requests without a credential");
        // Enabled by default.
        if !said && !named && anonymous.as_ref().and_then(|flag| flag.bool()) != Some(false) {
            self.anonymous(&[], anonymous.map(|flag| flag.place));
        }
    }

    fn accounts(&mut self) {
        let why = "ServiceAccounts are for machines; a person who can create their tokens can log in as one".to_owned();
        let life =
            "an hour by default where they are bound to a pod; for ever where a Secret holds one"
                .to_owned();
        let revocation =
            "by deleting the pod, the Secret or the ServiceAccount that a token is bound to";
        self.add(
            "ServiceAccount tokens",
            "pods, pipelines, and anyone who can create `serviceaccounts/token`",
            (Mfa::Machines, why),
            life,
            revocation,
            None,
        );
    }
}

fn people(of: Who) -> &'static str {
    match of {
        Who::People => "people",
        Who::Machines => "pipelines and clusters",
        Who::Either => "people and pipelines",
    }
}

fn graded(of: Who, demand: &Demand) -> (Mfa, String) {
    if of == Who::Machines {
        return (Mfa::Machines, "this issuer is for machines".to_owned());
    }
    match demand {
        Demand::Met => (Mfa::Proven, "the rules refuse tokens without a second factor".to_owned()),
        Demand::TooWeak(what) => (Mfa::NotProven, format!("the rules are content with {what}")),
        Demand::Silent => (Mfa::NotProven, "no rule demands `amr` or `acr`".to_owned()),
        Demand::Unclear => {
            (Mfa::Unknown, "it cannot be determined what the rules require".to_owned())
        }
    }
}

fn words(seconds: i64) -> String {
    match seconds {
        s if s % 3600 == 0 && s > 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 && s > 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use pavisade_judgement::Mfa;
    use pavisade_model::KubernetesVersion;
    use pavisade_snapshot::{Object, View, World, WorldKind, WorldParts};
    use pavisade_yaml::{Source, objects, read};

    use super::{READS, ways_in};

    fn overall(text: &str) -> (Mfa, Vec<String>) {
        let documents = read(&Source::new("a.yaml", text));
        let sent = documents.docs.iter().flat_map(|doc| objects(doc.root()).sent);
        let sent = sent.map(|one| Object::new(one.value, one.api_version, one.kind)).collect();
        let world = World::new(WorldParts::files("w", WorldKind::Files, sent));
        let view = View::new(&world, "identity", READS, KubernetesVersion::LATEST);
        let found = ways_in("w", &view);
        (found.mfa, found.ways.into_iter().map(|way| way.name).collect())
    }

    const SERVER: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver, namespace: kube-system}\nspec:\n  hostNetwork: true\n  containers:\n  - name: a\n    command: [kube-apiserver, --authentication-config=/a";

    fn issuer(rule: &str) -> String {
        format!(
            "apiVersion: apiserver.config.k8s.io/v1\nkind: AuthenticationConfiguration\njwt:\n- issuer: {{url: 'https://login.example.com', audiences: [k]}}\n  \
             claimValidationRules: [{{expression: \"{rule}\"}}]\n  claimMappings: {{username: {{claim: sub, prefix: ''}}}}\n"
        )
    }

    #[test]
    fn mfa_is_proven_only_if_there_is_no_other_way() {
        let good = issuer("'mfa' in claims.amr");
        let server = |more: &str| format!("{good}---\n{SERVER}{more}]\n");
        assert_eq!(overall(&server("")).0, Mfa::Proven);
        assert_eq!(overall(&server(", --client-ca-file=/ca")).0, Mfa::NotProven);
        assert_eq!(overall(&server(", --token-auth-file=/t")).0, Mfa::NotProven);
        assert_eq!(
            overall(&server(", --authentication-token-webhook-config-file=/w")).0,
            Mfa::Unknown
        );
        // The flags were not read.
        assert_eq!(overall(&good).0, Mfa::Unknown);
        let weak = issuer("claims.hd == 'example.com'");
        assert_eq!(overall(&format!("{weak}---\n{SERVER}]\n")).0, Mfa::NotProven);
        // Its file was not read.
        assert_eq!(overall(&format!("{SERVER}]\n")).0, Mfa::Unknown);
        assert!(overall(&server("")).1.iter().any(|name| name == "ServiceAccount tokens"));
    }
}
