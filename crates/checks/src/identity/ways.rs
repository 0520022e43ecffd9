//! The authentication methods of an API server, for `pavisade identity`.
//!
//! A second factor is proven only if the API server itself refuses a login without one, and only if no
//! other login method works without one, as client certificates and static tokens do. All API servers
//! count. An AuthenticationConfiguration counts for the servers whose flag names one; if no server was
//! read, the methods that it would allow are shown.

use pavisade_judgement::{FileLine, Mfa, WayIn, WaysIn};
use pavisade_model::kinds;
use pavisade_policy::Authentication;
use pavisade_snapshot::Object;
use pavisade_yaml::Value;

use super::anonymous_api_access::by_flags;
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
    // In a cluster, a pod that no kubelet made may run the API server of another cluster.
    let own = |object: &&&Object| !view.is_live() || object.is_mirror_pod();
    let servers: Vec<_> = objects
        .iter()
        .filter(own)
        .flat_map(|object| components(object))
        .filter(|component| component.name() == "kube-apiserver")
        .collect();
    for server in &servers {
        ways.server(*server, &files);
    }
    if servers.is_empty() {
        for file in &files {
            ways.file(file);
        }
        let what = if view.is_live() { "of this cluster" } else { "here" };
        ways.doubts.push(format!(
            "the flags of the API server were not read {what}: client certificates, static tokens, webhooks \
             and front proxies may also let people in"
        ));
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
        let (name, who, revocation) = (name.into(), who.to_owned(), revocation.to_owned());
        // Servers that are alike have the same ways in.
        let known = self.ways.iter().any(|way| {
            way.name == name
                && (way.mfa, &way.why) == (mfa, &why)
                && (&way.who, &way.life) == (&who, &life)
        });
        if !known {
            self.ways.push(WayIn { name, who, mfa, why, life, revocation, place });
        }
    }

    fn doubt(&mut self, why: String) {
        if !self.doubts.contains(&why) {
            self.doubts.push(why);
        }
    }

    /// What one API server lets in.
    fn server(&mut self, server: Component<'_>, files: &[&Object]) {
        if let Some(hidden) = server.hidden_flags() {
            self.doubt(format!("not all flags of the API server are known: {hidden}"));
        }
        let config = server.flag("authentication-config").filter(|flag| !flag.value.is_empty());
        let mut decided = false;
        match &config {
            None => {
                for file in files {
                    self.doubt(format!(
                        "no `--authentication-config` of the API server names {}, so its rules do not count",
                        file.doc().source().shown()
                    ));
                }
            }
            Some(_) if files.is_empty() => self.doubt(
                "the file of `--authentication-config` was not read: specify it together with the others"
                    .to_owned(),
            ),
            Some(flag) => {
                let named: Vec<_> = files
                    .iter()
                    .filter(|file| base(&file.doc().source().shown()) == base(&flag.value))
                    .collect();
                // A mounted file may have another name than the one that is here.
                let own: Vec<&Object> = match (&named[..], files) {
                    ([one], _) => vec![one],
                    (_, [one]) => vec![one],
                    _ => {
                        self.doubt(format!(
                            "it is not known which of {} AuthenticationConfigurations is `{}`",
                            files.len(),
                            flag.value
                        ));
                        files.to_vec()
                    }
                };
                decided = own.iter().all(|file| decides_anonymous(file));
                for file in own {
                    self.file(file);
                }
                for excluded in ["oidc-issuer-url", "anonymous-auth"] {
                    let both = server.flag(excluded).is_some_and(|flag| !flag.value.is_empty())
                        && (excluded != "anonymous-auth" || decided);
                    if both {
                        self.doubt(format!(
                            "the API server does not start with both `--{excluded}` and this \
                             AuthenticationConfiguration"
                        ));
                    }
                }
            }
        }
        self.flags(server);
        let unread = config.is_some() && files.is_empty();
        if !decided && !unread {
            match by_flags(server) {
                Ok(true) => {
                    let flag = server.flag("anonymous-auth");
                    self.anonymous(&[], flag.map(|flag| flag.place));
                }
                Ok(false) => {}
                Err(_) => self.doubt(
                    "it is not known whether flags of the API server allow requests without a credential"
                        .to_owned(),
                ),
            }
        }
    }

    fn file(&mut self, file: &Object) {
        let read = Authentication::read(file);
        for fault in &read.faults {
            self.doubt(format!(
                "the API server refuses {}: {}: {} (line {})",
                file.doc().source().shown(),
                fault.field,
                fault.why,
                fault.line
            ));
        }
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
            let mut mfa = graded(of, &rules.factor);
            if !read.is_valid() && mfa.0 == Mfa::Proven {
                mfa = (Mfa::Unknown, "the API server refuses this configuration".to_owned());
            }
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

    fn flags(&mut self, server: Component<'_>) {
        let set = |name: &str| server.flag(name).filter(|flag| !flag.value.is_empty());
        if let Some(flag) = set("client-ca-file") {
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
        if let Some(flag) = set("token-auth-file") {
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
        if let Some(flag) = set("authentication-token-webhook-config-file") {
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
        if let Some(flag) = set("requestheader-client-ca-file") {
            let why = "the front proxy names the user, and whether it requires a second factor is not known"
                .to_owned();
            let whom = "the front proxy: aggregated API servers, authenticating proxies";
            self.add(
                "front proxy",
                whom,
                (Mfa::Unknown, why),
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
        if let Some(flag) = set("oidc-issuer-url") {
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

/// Whether a file, not the flag, decides about requests without a credential.
fn decides_anonymous(file: &Object) -> bool {
    file.at(&["anonymous"]).is_some_and(|anonymous| !anonymous.is_null())
}

/// The last part of a path.
fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
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
mod tests;
