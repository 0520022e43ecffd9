//! Tokens by the format of their issuers: a prefix, and a number of characters of a class. Most
//! issuers document their formats so that scanners can detect them.
//!
//! A format is text with classes in braces: `glsa_{A32}_{X8}`. A class is a letter ([`Class::of`])
//! followed by a length: `{A32}`, `{u20-300}`, `{b250-}`.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The formats, with the name of the token and an article. The first match wins.
static FORMS: [(&str, &str); 128] = [
    ("A3-{U6}-{U11}-{U5}-{U5}-{U5}", "a 1Password key"),
    ("A3-{U6}-{U6}-{U5}-{U5}-{U5}-{U5}", "a 1Password key"),
    ("A3T{U1}{T16}", "an AWS access key"),
    ("ABIA{T16}", "an AWS access key"),
    ("ABSK{b109-269}", "an AWS Bedrock key"),
    ("ACCA{T16}", "an AWS access key"),
    ("AGE-SECRET-KEY-1{U58}", "an age private key"),
    ("AIza{u35}", GOOGLE),
    ("AKCp{A69}", "an Artifactory key"),
    ("AKIA{T16}", "an AWS access key"),
    ("API-{U26}", "an Octopus Deploy key"),
    ("AQVN{u35-38}", "a Yandex key"),
    ("ASIA{T16}", "a temporary AWS access key"),
    ("ATATT3{P186}", "an Atlassian token"),
    ("CLOJARS_{A60}", "a Clojars token"),
    ("EAAA{u22-60}", "a Square token"),
    ("EAAC{A100-}", "a Facebook token"),
    ("EAAM{A100-}", "a Facebook token"),
    ("EZAK{A54}", "an EasyPost key"),
    ("EZTK{A54}", "an EasyPost test key"),
    ("FLWPUBK_TEST-{A32}-X", "a Flutterwave test key"),
    ("FLWSECK_TEST-{A12}", "a Flutterwave test key"),
    ("FLWSECK_TEST-{A32}-X", "a Flutterwave test key"),
    ("GR1348941{u20}", "a GitLab runner token"),
    ("HRKU-AA{u58}", "a Heroku key"),
    ("LTAI{A20}", "an Alibaba access key"),
    ("NRAK-{A27}", "a New Relic key"),
    ("NRII-{u32}", "a New Relic key"),
    ("NRJS-{x19}", "a New Relic key"),
    ("PMAK-{X24}-{X34}", "a Postman key"),
    ("SG.{p66}", "a SendGrid key"),
    ("SK{X32}", "a Twilio key"),
    ("YC{u38}", "a Yandex key"),
    ("_gitlab_session={a32}", "a GitLab session"),
    ("api_org_{L34}", "a Hugging Face token"),
    ("authress_{A5-30}.{A4-6}.acc{k1}{v10-32}.{B30-120}", "an Authress key"),
    ("bedrock-api-key-YmVkcm9jay5hbWF6b25hd3MuY29t{B0-}", "an AWS Bedrock key"),
    ("cmVmd{A59}", "an Artifactory token"),
    ("dapi{x32}{D0-2}", "a Databricks token"),
    ("dckr_pat_{u27-}", "a Docker Hub token"),
    ("dnkey-{P26}-{P52}", "a Defined Networking key"),
    ("doo_v1_{x64}", "a DigitalOcean token"),
    ("dop_v1_{x64}", "a DigitalOcean token"),
    ("dor_v1_{x64}", "a DigitalOcean token"),
    ("dp.pt.{A43}", "a Doppler token"),
    ("dt0c01.{A24}.{A64}", "a Dynatrace token"),
    ("duffel_live_{P43}", "a Duffel token"),
    ("duffel_test_{P43}", "a Duffel test token"),
    ("ext_{A5-30}.{A4-6}.acc{k1}{v10-32}.{B30-120}", "an Authress key"),
    ("fio-u-{P64}", "a Frame.io token"),
    ("fm1a_{B100-}", "a Fly.io token"),
    ("fm1r_{B100-}", "a Fly.io token"),
    ("fm2_{B100-}", "a Fly.io token"),
    ("fo1_{u43}", "a Fly.io token"),
    ("gho_{A36-255}", "a GitHub token"),
    ("ghp_{A36-255}", "a GitHub token"),
    ("ghr_{A36-255}", "a GitHub token"),
    ("ghs_{A36-255}", "a GitHub token"),
    ("ghu_{A36-255}", "a GitHub token"),
    ("github_pat_{w82-255}", "a GitHub token"),
    ("glagent-{u50}", "a GitLab agent token"),
    ("glc_{b32-400}", "a Grafana token"),
    ("glcbt-{A1-5}_{u20}", "a GitLab job token"),
    ("gldt-{u20-}", "a GitLab deploy token"),
    ("glffct-{u20}", "a GitLab feature flag token"),
    ("glft-{u20}", "a GitLab feed token"),
    ("glimt-{u25}", "a GitLab mail token"),
    ("gloas-{u64}", "a GitLab application secret"),
    ("glpat-{q20-320}", "a GitLab token"),
    ("glptt-{x40}", "a GitLab trigger token"),
    ("glrt-{q20-320}", "a GitLab runner token"),
    ("glsa_{A32}_{X8}", "a Grafana token"),
    ("glsoat-{u20}", "a GitLab SCIM token"),
    ("hf_{A34-40}", "a Hugging Face token"),
    ("hvb.{u138-300}", "a Vault token"),
    ("hvs.{u24-}", "a Vault token"),
    ("ico-{A32}", "an Infracost key"),
    ("lin_api_{A40}", "a Linear key"),
    ("npm_{A36}", "an npm token"),
    ("ntn_{d11}{A35}", "a Notion token"),
    ("ops_eyJ{b250-}", "a 1Password token"),
    ("p8e-{A32}", "an Adobe secret"),
    ("pat.{u22}.{A24}.{A20}", "a Harness key"),
    ("pat{A14}.{x64}", "an Airtable token"),
    ("pnu_{A36}", "a Prefect key"),
    ("pplx-{A48}", "a Perplexity key"),
    ("pscale_oauth_{p32-64}", "a PlanetScale token"),
    ("pscale_pw_{p32-64}", "a PlanetScale password"),
    ("pscale_tkn_{p32-64}", "a PlanetScale token"),
    ("pul-{x40}", "a Pulumi token"),
    ("pypi-AgE{u50-}", "a PyPI token"),
    ("rdme_{a70}", "a ReadMe token"),
    ("rk_live_{A10-99}", "a Stripe key"),
    ("rk_prod_{A10-99}", "a Stripe key"),
    ("rk_test_{A10-99}", "a Stripe test key"),
    ("rubygems_{x48}", "a RubyGems token"),
    ("s-s4t2af-{x64}", "a 42 secret"),
    ("s-s4t2ud-{x64}", "a 42 secret"),
    ("sat.{u22}.{A24}.{A20}", "a Harness key"),
    ("sc_{A5-30}.{A4-6}.acc{k1}{v10-32}.{B30-120}", "an Authress key"),
    ("scauth_{A5-30}.{A4-6}.acc{k1}{v10-32}.{B30-120}", "an Authress key"),
    ("sgp_{X16}_{X40}", "a Sourcegraph token"),
    ("sgp_{X40}", "a Sourcegraph token"),
    ("sgp_local_{X40}", "a Sourcegraph token"),
    ("sha256~{u43}", "an OpenShift token"),
    ("shippo_live_{X40}", "a Shippo token"),
    ("shippo_test_{X40}", "a Shippo test token"),
    ("shpat_{X32}", "a Shopify token"),
    ("shpca_{X32}", "a Shopify token"),
    ("shppa_{X32}", "a Shopify token"),
    ("shpss_{X32}", "a Shopify secret"),
    ("sk-admin-{u40-}", "an OpenAI key"),
    ("sk-ant-admin01-{u93}AA", "an Anthropic admin key"),
    ("sk-ant-{A3-12}-{u93}AA", "an Anthropic key"),
    ("sk-proj-{u40-}", "an OpenAI key"),
    ("sk-svcacct-{u40-}", "an OpenAI key"),
    ("sk-{A48}", "an OpenAI key"),
    ("sk_live_{A10-99}", "a Stripe key"),
    ("sk_prod_{A10-99}", "a Stripe key"),
    ("sk_test_{A10-99}", "a Stripe test key"),
    ("sm_{a1}at_{A16}", "a SettleMint token"),
    ("sntrys_eyJ{B80-500}", "a Sentry token"),
    ("sntryu_{x64}", "a Sentry token"),
    ("sq0atp-{u22-60}", "a Square token"),
    ("t1.{P1-200}.{P86-88}", "a Yandex token"),
    ("tfp_{p59}", "a Typeform token"),
    ("tk-us-{u48}", "a Scalingo token"),
    ("v1.0-{x24}-{x146}", "a Cloudflare origin key"),
];

/// Further formats, with unusually short or long texts.
static MORE: [(&str, &str); 17] = [
    ("4b1d{A38}", "a ClickHouse key"),
    ("access-development-{x8}-{x4}-{x4}-{x4}-{x12}", "a Plaid token"),
    ("access-production-{x8}-{x4}-{x4}-{x4}-{x12}", "a Plaid token"),
    ("access-sandbox-{x8}-{x4}-{x4}-{x4}-{x12}", "a Plaid test token"),
    ("s.{A24}", "a Vault token"),
    ("xapp-{u20-}", "a Slack token"),
    ("xkeysib-{x64}-{A16}", "a Brevo key"),
    ("xoxa-{u8-}", "a Slack token"),
    ("xoxb-{d8-14}-{u16-}", "a Slack token"),
    ("xoxe-{d1-14}-{u28-}", "a Slack token"),
    ("xoxe.xox{A1}-{u100-}", "a Slack token"),
    ("xoxo-{d1-14}-{u16-}", "a Slack token"),
    ("xoxp-{d1}-{u100-}", "a Slack token"),
    ("xoxp-{d8-14}-{d8-14}-{d8-14}-{u28-}", "a Slack token"),
    ("xoxp-{d8-14}-{d8-14}-{u16-}", "a Slack token"),
    ("xoxr-{u8-}", "a Slack token"),
    ("xoxs-{d1-14}-{u16-}", "a Slack token"),
];

const GOOGLE: &str = "a Google API key";

/// Whether a key is from Google's own samples and documentation.
fn is_of_samples(tail: &[u8]) -> bool {
    const ENDS: [&str; 11] = [
        "1sjmdnP5sQ",
        "2AFnzAvvuU",
        "4MJmprNXsw",
        "Jv_a_p4wtM",
        "PjjaXeDQgY",
        "YefhixbX4A",
        "ZRR_znhrh0",
        "cxaOi4FmqE",
        "di_UUPwX7c",
        "oX-oo6YyIs",
        "srVL_n0nvY",
    ];
    ENDS.iter().any(|end| tail.ends_with(end.as_bytes()))
}

/// A class of characters.
#[derive(Debug, Clone, Copy)]
struct Class(u8);

impl Class {
    /// Whether a byte is in the class.
    fn has(self, b: u8) -> bool {
        match self.0 {
            b'd' => b.is_ascii_digit(),
            // Characters that may follow a Databricks token.
            b'D' => b.is_ascii_digit() || b == b'-',
            b'x' => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
            b'X' => b.is_ascii_hexdigit(),
            b'a' => b.is_ascii_lowercase() || b.is_ascii_digit(),
            b'U' => b.is_ascii_uppercase() || b.is_ascii_digit(),
            // Base32 (RFC 4648).
            b'T' => b.is_ascii_uppercase() || matches!(b, b'2'..=b'7'),
            b'L' => b.is_ascii_alphabetic(),
            b'A' => b.is_ascii_alphanumeric(),
            b'w' => b.is_ascii_alphanumeric() || b == b'_',
            b'k' => matches!(b, b'_' | b'-'),
            b'v' => b.is_ascii_alphanumeric() || b == b'-',
            b'u' => url_safe(b),
            b'q' => url_safe(b) || b == b'.',
            b'P' => url_safe(b) || b == b'=',
            b'p' => url_safe(b) || matches!(b, b'=' | b'.'),
            b'b' => b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'),
            b'B' => url_safe(b) || matches!(b, b'+' | b'/' | b'=' | b',' | b'%'),
            _ => false,
        }
    }
}

/// Letters, digits, and characters that URLs allow unescaped.
pub(super) const fn url_safe(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')
}

/// A part of a format.
#[derive(Debug)]
enum Part {
    Text(&'static [u8]),
    Run(Class, usize, usize),
}

#[derive(Debug)]
struct Form {
    parts: Vec<Part>,
    what: &'static str,
}

/// All formats, by their first two bytes.
pub(super) struct Forms {
    /// One bit for each pair of bytes.
    starts: Box<[u64; 1024]>,
    by_pair: HashMap<u16, Vec<Form>>,
}

/// Built once, since that takes longer than scanning a typical text.
pub(super) static ALL: LazyLock<Forms> = LazyLock::new(|| {
    let mut all = Forms { starts: Box::new([0; 1024]), by_pair: HashMap::new() };
    for (text, what) in FORMS.iter().chain(&MORE) {
        if let [first, second, ..] = text.as_bytes() {
            all.add(*first, *second);
            let form = Form { parts: parts(text), what };
            all.by_pair.entry(pair(*first, *second)).or_default().push(form);
        }
    }
    // JSON in base64, once and twice encoded; a PEM header in base64.
    all.add(b'e', b'y');
    all.add(b'Z', b'X');
    all.add(b'L', b'S');
    all
});

fn pair(first: u8, second: u8) -> u16 {
    u16::from(first) << 8 | u16::from(second)
}

/// Parses a format.
fn parts(text: &'static str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (literal, behind) = rest.split_once('{').unwrap_or((rest, ""));
        if !literal.is_empty() {
            parts.push(Part::Text(literal.as_bytes()));
        }
        let Some((run, tail)) = behind.split_once('}') else { break };
        let class = Class(run.bytes().next().unwrap_or(b' '));
        let counts = run.get(1..).unwrap_or("");
        let (least, most) = counts.split_once('-').unwrap_or((counts, counts));
        let least = least.parse().unwrap_or(0);
        parts.push(Part::Run(class, least, most.parse().unwrap_or(usize::MAX)));
        rest = tail;
    }
    parts
}

impl Forms {
    fn add(&mut self, first: u8, second: u8) {
        let at = usize::from(pair(first, second));
        self.starts[at >> 6] |= 1 << (at & 63);
    }

    /// Whether a token may begin with these two bytes.
    pub(super) fn starts(&self, first: u8, second: u8) -> bool {
        let at = usize::from(pair(first, second));
        self.starts[at >> 6] >> (at & 63) & 1 == 1
    }

    /// Returns the name of the token at the start of a text, by its format.
    pub(super) fn find(&self, rest: &[u8]) -> Option<&'static str> {
        let [first, second, ..] = rest else { return None };
        let forms = self.by_pair.get(&pair(*first, *second))?;
        forms.iter().find(|form| form.fits(rest)).map(|form| form.what)
    }
}

impl Form {
    fn fits(&self, rest: &[u8]) -> bool {
        let Some(length) = fits(&self.parts, rest, 0) else { return false };
        // The part after the common prefix distinguishes a token from an example.
        let head = match self.parts.first() {
            Some(Part::Text(text)) => text.len(),
            _ => 0,
        };
        let tail = &rest[head..length];
        match self.what {
            // The prefix is unique.
            _ if head >= 30 || rest.starts_with(b"AGE-SECRET-KEY-1") => true,
            // Any member access of an object looks like the prefix.
            _ if head == 2 && rest.starts_with(b"s.") => {
                let has = |is: fn(&u8) -> bool| tail.iter().any(is);
                has(u8::is_ascii_digit)
                    && has(u8::is_ascii_lowercase)
                    && has(u8::is_ascii_uppercase)
                    && is_random(tail)
            }
            GOOGLE => !is_of_samples(tail) && is_random(tail),
            _ => is_random(tail),
        }
    }
}

/// Returns the end of a text that matches these parts, which must be the end of a word. A longer
/// word is something else: long base64 contains every prefix at some point.
fn fits(parts: &[Part], text: &[u8], at: usize) -> Option<usize> {
    /// Maximum number of lengths tried for a run. Formats are unambiguous except for a few
    /// characters.
    const WAYS: usize = 8;
    let Some((part, rest)) = parts.split_first() else {
        let follows = |at: usize, is: fn(u8) -> bool| text.get(at).is_some_and(|&b| is(b));
        // `ico-….png` is a file name.
        let is_name = follows(at, |b| b == b'.') && follows(at + 1, |b| b.is_ascii_alphanumeric());
        return (!follows(at, url_safe) && !is_name).then_some(at);
    };
    match part {
        Part::Text(literal) => {
            let fits_here = text.get(at..)?.starts_with(literal);
            fits_here.then(|| fits(rest, text, at + literal.len()))?
        }
        Part::Run(class, least, most) => {
            let behind = text.get(at..)?;
            // Bounded, so that hostile text with many prefixes is not read to its end for each.
            let behind = &behind[..behind.len().min(most.saturating_add(1).min(4096))];
            let run = behind.iter().position(|&b| !class.has(b)).unwrap_or(behind.len());
            let longest = run.min(*most);
            let shortest = longest.saturating_sub(WAYS).max(*least);
            (shortest..=longest).rev().find_map(|length| fits(rest, text, at + length))
        }
    }
}

/// Whether the rest of a token can be real: not `EXAMPLE`, `xxxx` or `1234567890`.
pub(super) fn is_random(tail: &[u8]) -> bool {
    let text = String::from_utf8_lossy(tail).to_ascii_lowercase();
    let made_up = ["example", "xxxx", "0000000", "1234567890", "abcdefgh", "your", "placeholder"];
    !made_up.iter().any(|word| text.contains(word))
        && super::values::distinct(tail) >= (tail.len() / 4).clamp(5, 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_can_be_read() {
        for (text, what) in FORMS.iter().chain(&MORE) {
            let parts = parts(text);
            let Some(Part::Text(head)) = parts.first() else { panic!("{text}") };
            assert!(head.len() >= 2, "{text}");
            for part in &parts {
                if let Part::Run(class, least, most) = part {
                    assert!(least <= most, "{text}");
                    assert!((0..=255).any(|b| class.has(b)), "{text}");
                }
            }
            assert!(what.starts_with("a ") || what.starts_with("an "), "{what}");
        }
    }

    #[test]
    fn parts_are_matched_to_the_end_of_the_word() {
        const BODY: &str = "q7Zr0kPn2VxY8sTdL4wJb6MhC1eFgA9uRvX5tQ3iKo";
        for (text, expect) in [
            (format!("glsa_{}_0a1B2c3D", &BODY[..32]), Some("a Grafana token")),
            (format!("glsa_{}_0a1B2c3D4", &BODY[..32]), None),
            (format!("glsa_{}-0a1B2c3D", &BODY[..32]), None),
            (format!("npm_{}", &BODY[..36]), Some("an npm token")),
            (format!("npm_{}", &BODY[..37]), None),
            (format!("dapi{}-2 ", "0123456789abcdef0123456789abcdef"), Some("a Databricks token")),
            ("npm_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx".to_owned(), None),
        ] {
            assert_eq!(ALL.find(text.as_bytes()), expect, "{text}");
        }
    }
}
