//! An AuthenticationConfiguration as the API server reads it: refused as a whole where it would refuse
//! it, with the field.

use std::collections::HashSet;

use pavisade_model::Paths;
use pavisade_snapshot::Object;
use pavisade_yaml::{Kind, Value};

use crate::expression::Expression;
use crate::tree::{Refused, Root};

/// Authenticators of one configuration, and characters of its file, at most.
const MAX_AUTHENTICATORS: usize = 64;

/// A configuration.
#[derive(Debug, Clone, Default)]
pub struct Authentication {
    /// The issuers whose tokens it takes.
    pub authenticators: Vec<Authenticator>,
    /// Why the API server refuses it.
    pub faults: Vec<Fault>,
    /// What of it is not known here, so that its verdicts are not either.
    pub unknown: Vec<Fault>,
    /// Whether requests without a credential are authenticated as `system:anonymous`; nothing where it
    /// does not say.
    pub anonymous: Option<bool>,
    /// The paths to which that is limited.
    pub anonymous_paths: Vec<String>,
}

/// Something about one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The field.
    pub field: String,
    /// The line in its file.
    pub line: u32,
    /// What is wrong.
    pub why: String,
}

/// What one issuer's tokens must be like, and who comes of them.
#[derive(Debug, Clone)]
pub struct Authenticator {
    /// Its address, as tokens claim it.
    pub issuer: String,
    /// Whom its tokens must be for: any of these.
    pub audiences: Vec<String>,
    /// Claims that must be that very text.
    pub required: Vec<(String, String, String)>,
    /// Expressions over claims that must be true.
    pub rules: Vec<Rule>,
    /// Expressions over the user that must be true.
    pub user_rules: Vec<Rule>,
    /// Who comes of it.
    pub username: Mapping,
    /// Their groups.
    pub groups: Mapping,
    /// Their id.
    pub uid: Mapping,
    /// What else authorizers and admission see, by key.
    pub extra: Vec<(String, Expression)>,
    /// Whether some of `extra` is not evaluated here.
    pub extra_unknown: bool,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The field.
    pub field: String,
    /// What must be true.
    pub expression: Expression,
    /// What whoever is refused is told.
    pub message: String,
}

/// How a value comes of claims.
#[derive(Debug, Clone, Default)]
pub enum Mapping {
    /// It does not.
    #[default]
    None,
    /// A claim with a prefix.
    Claim {
        /// The claim.
        claim: String,
        /// What is put before it.
        prefix: String,
    },
    /// An expression.
    Expression(Expression),
    /// An expression that is not evaluated here: the value is not known.
    Unknown,
}

impl Authentication {
    /// Reads one.
    pub fn read(object: &Object) -> Self {
        let mut reader = Reader { object, read: Self::default(), paths: Paths::default() };
        reader.all();
        reader.read
    }

    /// Whether the API server starts with it, as far as is known.
    pub fn is_valid(&self) -> bool {
        self.faults.is_empty()
    }
}

struct Reader<'o> {
    object: &'o Object,
    read: Authentication,
    paths: Paths,
}

impl<'o> Reader<'o> {
    fn fault(&mut self, at: Value<'o>, why: impl Into<String>) {
        let fault = self.at(at, why.into());
        self.read.faults.push(fault);
    }

    fn at(&mut self, at: Value<'o>, why: String) -> Fault {
        let field = self.paths.of(self.object.value(), at).shown;
        let line = at.doc().source().line_at(at.span().start);
        Fault { field, line, why }
    }

    fn all(&mut self) {
        let root = self.object.value();
        self.known(root, &["apiVersion", "kind", "jwt", "anonymous", "metadata"]);
        let jwt: Vec<_> = root.list("jwt").collect();
        if jwt.len() > MAX_AUTHENTICATORS {
            self.fault(
                root,
                format!("has too many authenticators: {}, at most {MAX_AUTHENTICATORS}", jwt.len()),
            );
        }
        let (mut issuers, mut discovery) = (HashSet::new(), HashSet::new());
        for one in jwt {
            let issuer = one.get("issuer");
            if let Some(url) = issuer.and_then(|issuer| issuer.get("url"))
                && !issuers.insert(url.as_str().unwrap_or_default())
            {
                self.fault(url, "another authenticator has the same URL");
            }
            if let Some(url) = issuer.and_then(|issuer| issuer.get("discoveryURL"))
                && !discovery.insert(url.as_str().unwrap_or_default())
            {
                self.fault(url, "another authenticator has the same discovery URL");
            }
            let authenticator = self.authenticator(one);
            self.read.authenticators.push(authenticator);
        }
        if let Some(anonymous) = root.get("anonymous") {
            self.known(anonymous, &["enabled", "conditions"]);
            let enabled = anonymous.bool("enabled").unwrap_or(false);
            let conditions: Vec<_> = anonymous.list("conditions").collect();
            if !enabled && !conditions.is_empty() {
                self.fault(anonymous, "enabled should be set to true when conditions are defined");
            }
            let paths = conditions.iter().filter_map(|one| one.str("path")).map(str::to_owned);
            self.read.anonymous_paths = paths.collect();
            self.read.anonymous = Some(enabled);
        }
    }

    /// The API server decodes strictly.
    fn known(&mut self, value: Value<'o>, fields: &[&str]) {
        if !matches!(value.kind(), Kind::Mapping) {
            self.fault(value, "is not an object");
            return;
        }
        for (key, inner) in value.entries() {
            if !fields.contains(&key) {
                self.fault(inner, format!("unknown field `{key}`"));
            }
        }
    }

    fn text(&mut self, of: Value<'o>, field: &str) -> String {
        match of.get(field) {
            None => String::new(),
            Some(value) if value.is_null() => String::new(),
            Some(value) => match value.as_str() {
                Some(text) => text.to_owned(),
                None => {
                    self.fault(value, "is not a string");
                    String::new()
                }
            },
        }
    }

    fn authenticator(&mut self, one: Value<'o>) -> Authenticator {
        self.known(
            one,
            &["issuer", "claimValidationRules", "claimMappings", "userValidationRules"],
        );
        let (issuer, audiences) = self.issuer(one);
        let mut made = Authenticator {
            issuer,
            audiences,
            required: Vec::new(),
            rules: Vec::new(),
            user_rules: Vec::new(),
            username: Mapping::None,
            groups: Mapping::None,
            uid: Mapping::None,
            extra: Vec::new(),
            extra_unknown: false,
        };
        let unknown = self.read.unknown.len();
        let (mut claims, mut expressions) = (HashSet::new(), HashSet::new());
        for rule in one.list("claimValidationRules") {
            self.known(rule, &["claim", "requiredValue", "expression", "message"]);
            let (claim, expression) = (self.text(rule, "claim"), self.text(rule, "expression"));
            let (required, message) =
                (self.text(rule, "requiredValue"), self.text(rule, "message"));
            match (claim.is_empty(), expression.is_empty()) {
                (false, false) => self.fault(rule, "claim and expression can't both be set"),
                (true, true) => self.fault(rule, "claim or expression is required"),
                (false, true) => {
                    if !message.is_empty() {
                        self.fault(rule, "message may not be specified when claim is set");
                    }
                    if !claims.insert(claim.clone()) {
                        self.fault(rule, format!("claim `{claim}` has a rule already"));
                    }
                    let field = self.paths.of(self.object.value(), rule).shown;
                    made.required.push((field, claim, required));
                }
                (true, false) => {
                    if !required.is_empty() {
                        self.fault(
                            rule,
                            "requiredValue may not be specified when expression is set",
                        );
                    }
                    if !expressions.insert(expression.clone()) {
                        self.fault(rule, "another rule has the same expression");
                    }
                    made.rules.extend(self.rule(rule, "expression", Root::Claims, message));
                }
            }
        }
        match one.get("claimMappings") {
            Some(mappings) => self.mappings(mappings, &mut made, unknown),
            None => self.fault(one, "claimMappings.username: claim or expression is required"),
        }
        let mut known = HashSet::new();
        for rule in one.list("userValidationRules") {
            self.known(rule, &["expression", "message"]);
            let (expression, message) = (self.text(rule, "expression"), self.text(rule, "message"));
            if expression.is_empty() {
                self.fault(rule, "expression is required");
            } else if !known.insert(expression) {
                self.fault(rule, "another rule has the same expression");
            } else {
                made.user_rules.extend(self.rule(rule, "expression", Root::User, message));
            }
        }
        made
    }

    fn issuer(&mut self, one: Value<'o>) -> (String, Vec<String>) {
        let Some(issuer) = one.get("issuer") else {
            self.fault(one, "issuer is required");
            return Default::default();
        };
        self.known(
            issuer,
            &[
                "url",
                "discoveryURL",
                "certificateAuthority",
                "audiences",
                "audienceMatchPolicy",
                "egressSelectorType",
            ],
        );
        let (url, discovery) = (self.text(issuer, "url"), self.text(issuer, "discoveryURL"));
        let policy = self.text(issuer, "audienceMatchPolicy");
        for (field, url) in [("url", &url), ("discoveryURL", &discovery)] {
            if url.is_empty() {
                if field == "url" {
                    self.fault(issuer, "url is required");
                }
                continue;
            }
            let at = issuer.get(field).unwrap_or(issuer);
            match url.strip_prefix("https://") {
                None => self.fault(at, "URL scheme must be https"),
                Some(rest) => {
                    let authority = rest.split('/').next().unwrap_or_default();
                    if authority.contains(' ') || url.contains(char::is_control) {
                        self.fault(at, "URL contains an invalid character");
                    }
                    if authority.contains('@') {
                        self.fault(at, "URL must not contain a username or password");
                    }
                    if rest.contains('?') {
                        self.fault(at, "URL must not contain a query");
                    }
                    if rest.contains('#') {
                        self.fault(at, "URL must not contain a fragment");
                    }
                }
            }
        }
        if !discovery.is_empty() && url.trim_end_matches('/') == discovery.trim_end_matches('/') {
            self.fault(issuer, "discoveryURL must be different from URL");
        }
        let audiences: Vec<_> = issuer.list("audiences").collect();
        let texts: Vec<String> =
            audiences.iter().filter_map(|one| one.as_str()).map(str::to_owned).collect();
        if audiences.is_empty() {
            self.fault(issuer, "at least one audience is required");
        }
        let mut known = HashSet::new();
        for audience in &audiences {
            match audience.as_str() {
                None | Some("") => self.fault(*audience, "an audience is a text that is not empty"),
                Some(text) if !known.insert(text) => {
                    self.fault(*audience, "this audience is named twice")
                }
                Some(_) => {}
            }
        }
        match (audiences.len(), &*policy) {
            (0 | 1, "" | "MatchAny") | (2.., "MatchAny") => {}
            (2.., _) => {
                self.fault(issuer, "audienceMatchPolicy must be MatchAny for multiple audiences")
            }
            _ => self.fault(issuer, "audienceMatchPolicy must be empty or MatchAny"),
        }
        (url, texts)
    }

    /// `unknown` is how many unknown expressions there were before this authenticator.
    fn mappings(&mut self, mappings: Value<'o>, made: &mut Authenticator, unknown: usize) {
        self.known(mappings, &["username", "groups", "uid", "extra"]);
        made.username = self.mapping(mappings, "username", true);
        made.groups = self.mapping(mappings, "groups", false);
        made.uid = self.uid(mappings);
        let mut keys = HashSet::new();
        for extra in mappings.list("extra") {
            self.known(extra, &["key", "valueExpression"]);
            let key = self.text(extra, "key");
            let domain = key.split_once('/').map(|(domain, _)| domain).unwrap_or_default();
            let reserved = |own: &str| domain == own || domain.ends_with(&format!(".{own}"));
            if domain.is_empty() || key.ends_with('/') {
                self.fault(extra, "key must be a domain-prefixed path (such as \"acme.io/foo\")");
            } else if key != key.to_ascii_lowercase() {
                self.fault(extra, "key must be lowercase");
            } else if reserved("kubernetes.io") || reserved("k8s.io") {
                self.fault(
                    extra,
                    "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use",
                );
            } else if !keys.insert(key.clone()) {
                self.fault(extra, "this key is set twice");
            }
            let before = self.read.unknown.len();
            if let Some(expression) = self.expression(extra, "valueExpression", Root::Claims, false)
            {
                made.extra.push((key, expression));
            }
            made.extra_unknown |= self.read.unknown.len() > before;
        }
        // An e-mail address counts only where it is verified. An expression that cannot be read here may
        // do that.
        let all_known = self.read.unknown.len() == unknown;
        let of = |expression: &Expression, field: &str| expression.selects(Root::Claims, field);
        if let Mapping::Expression(username) = &made.username
            && all_known
            && of(username, "email")
            && !of(username, "email_verified")
            && !made.rules.iter().any(|rule| of(&rule.expression, "email_verified"))
            && !made.extra.iter().any(|(_, expression)| of(expression, "email_verified"))
        {
            let at = mappings.at(&["username", "expression"]).unwrap_or(mappings);
            self.fault(
                at,
                "claims.email_verified must be used where the username is made of claims.email",
            );
        }
    }

    fn mapping(&mut self, mappings: Value<'o>, field: &str, required: bool) -> Mapping {
        let Some(value) = mappings.get(field).filter(|value| !value.is_null()) else {
            if required {
                self.fault(mappings, format!("{field}: claim or expression is required"));
            }
            return Mapping::None;
        };
        self.known(value, &["claim", "prefix", "expression"]);
        let (claim, prefix) = (self.text(value, "claim"), self.text(value, "prefix"));
        let has_prefix = value.get("prefix").is_some_and(|prefix| !prefix.is_null());
        let expression = self.text(value, "expression");
        match (claim.is_empty(), expression.is_empty()) {
            (false, false) => self.fault(value, "claim and expression can't both be set"),
            (true, true) if required => self.fault(value, "claim or expression is required"),
            (true, true) => {}
            (false, true) => {
                // An empty prefix is one; none is not.
                if !has_prefix {
                    self.fault(value, "prefix is required when claim is set. It can be set to an empty string to disable prefixing");
                }
                return Mapping::Claim { claim, prefix };
            }
            (true, false) => {
                if has_prefix {
                    self.fault(value, "prefix can't be set when expression is set");
                }
                return self.mapping_expression(value);
            }
        }
        Mapping::None
    }

    fn mapping_expression(&mut self, value: Value<'o>) -> Mapping {
        let unknown = self.read.unknown.len();
        match self.expression(value, "expression", Root::Claims, false) {
            Some(expression) => Mapping::Expression(expression),
            None if self.read.unknown.len() > unknown => Mapping::Unknown,
            None => Mapping::None,
        }
    }

    fn uid(&mut self, mappings: Value<'o>) -> Mapping {
        let Some(value) = mappings.get("uid").filter(|value| !value.is_null()) else {
            return Mapping::None;
        };
        self.known(value, &["claim", "expression"]);
        let (claim, expression) = (self.text(value, "claim"), self.text(value, "expression"));
        match (claim.is_empty(), expression.is_empty()) {
            (false, false) => self.fault(value, "claim and expression can't both be set"),
            (false, true) => return Mapping::Claim { claim, prefix: String::new() },
            (true, false) => return self.mapping_expression(value),
            (true, true) => {}
        }
        Mapping::None
    }

    fn rule(&mut self, of: Value<'o>, field: &str, root: Root, message: String) -> Option<Rule> {
        let shown = self.paths.of(self.object.value(), of).shown;
        let expression = self.expression(of, field, root, true)?;
        Some(Rule { field: shown, expression, message })
    }

    fn expression(
        &mut self,
        of: Value<'o>,
        field: &str,
        root: Root,
        boolean: bool,
    ) -> Option<Expression> {
        let text = self.text(of, field);
        let at = of.get(field).unwrap_or(of);
        if text.is_empty() {
            self.fault(of, format!("{field} is required"));
            return None;
        }
        match Expression::read(&text, root, boolean) {
            Ok(expression) => Some(expression),
            Err(Refused::Invalid(why)) => {
                self.fault(at, why);
                None
            }
            Err(Refused::Unknown(why)) => {
                let unknown = self.at(at, why);
                self.read.unknown.push(unknown);
                None
            }
        }
    }
}
