//! PV-S009.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use pavisade_macros::check;
use schemars::JsonSchema;
use serde::Deserialize;

use super::release::Release;
use crate::{Check, Cx, NamedImage, OnImage, Verdict};
use pavisade_images::reference::{Image, Reference};

/// End-of-life image
///
/// ## Why
/// Vulnerabilities found after the end of life are not fixed in the image, and they are public.
///
/// ## Fix
/// Upgrade to a supported release. The website of the project lists end-of-life dates.
#[check(id = "PV-S009", severity = Medium, together = Image, confidence = Medium, scope = Object)]
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EndOfLifeImage {}

impl Check for EndOfLifeImage {
    type On = OnImage;

    fn check<'a>(&self, named: NamedImage<'a>, cx: &Cx<'a>) -> Verdict<'a> {
        let name = match (named.name(), named.image()) {
            (Some(name), _) => name,
            (None, Image::Unclear(why)) if !named.is_built_here() => {
                return Verdict::unknown(named.place(), why);
            }
            (None, _) => return Verdict::NotApplicable,
        };
        let today = cx.now().to_zoned(TimeZone::UTC).date();
        if let Some((_, end, what)) = WHOLE.iter().find(|(whole, ..)| *whole == name) {
            return match *end <= today {
                true => Verdict::fails(named.place(), format!("{named}: {what}")),
                false => Verdict::Holds,
            };
        }
        let Some(product) = PRODUCTS.iter().find(|product| product.image == name) else {
            // Other images are not known.
            return Verdict::NotApplicable;
        };
        let reference = match named.image() {
            Image::Reference(reference) => reference,
            Image::Absent => return Verdict::NotApplicable,
            Image::Unclear(why) => return Verdict::unknown(named.place(), why),
        };
        let Some(end) = product.end(reference) else { return Verdict::NotApplicable };
        // The dates of distributions are the last day with support, others the first without.
        let ended = match product.ends {
            Ends::Listed(_) => end <= today,
            Ends::Distribution(_) => end < today,
        };
        if !ended {
            return Verdict::Holds;
        }
        Verdict::fails(
            named.place(),
            format!("{named}: {} of this release ended on {end}", product.support),
        )
    }
}

/// Repositories that were discontinued: the date, and the message.
static WHOLE: [(&str, Date, &str); 8] = [
    (
        "docker.io/library/centos",
        date(2024, 6, 30),
        "CentOS Linux reached its end of life on 2024-06-30, and the image is no longer built",
    ),
    (
        "docker.io/library/openjdk",
        date(2022, 7, 1),
        "the image is deprecated and its releases get no fixes; eclipse-temurin is one of the \
         replacements",
    ),
    ("registry.k8s.io/ingress-nginx/controller", INGRESS_NGINX_END, INGRESS_NGINX),
    ("k8s.gcr.io/ingress-nginx/controller", INGRESS_NGINX_END, INGRESS_NGINX),
    (
        "quay.io/kubernetes-ingress-controller/nginx-ingress-controller",
        INGRESS_NGINX_END,
        INGRESS_NGINX,
    ),
    ("docker.io/library/java", date(2017, 1, 1), "the image has not been built since 2017"),
    (
        "gcr.io/kubernetes-helm/tiller",
        date(2020, 11, 13),
        "Helm 2 reached its end of life on 2020-11-13, and anyone who can reach Tiller has its \
         permissions",
    ),
    ("ghcr.io/helm/tiller", date(2020, 11, 13), "Helm 2 reached its end of life on 2020-11-13"),
];

/// kubernetes.io/blog/2025/11/11/ingress-nginx-retirement: best effort until March 2026.
const INGRESS_NGINX_END: Date = date(2026, 4, 1);
const INGRESS_NGINX: &str =
    "ingress-nginx was retired in March 2026: vulnerabilities are not fixed";

/// An image whose tags are releases.
struct Product {
    image: &'static str,
    /// The type of support that ended.
    support: &'static str,
    ends: Ends,
    /// Words in tags that stand for a release.
    names: &'static [(&'static str, &'static str)],
}

/// Releases by the numbers at the start of their tags, each with the date on which support ended.
enum Ends {
    /// The first match applies.
    Listed(&'static [(&'static str, Date)]),
    /// Releases of a distribution, by its `ID`.
    Distribution(&'static str),
}

impl Product {
    /// Returns the end of support of the release in a tag. `None` if not known.
    fn end(&self, reference: Reference<'_>) -> Option<Date> {
        let tag = reference.tag?;
        let named = self.names.iter().find(|(name, _)| tag.split('-').any(|word| word == *name));
        let release = match named {
            Some((_, release)) => Release::read(release)?,
            None => Release::read(tag)?,
        };
        let is_of = |of: &str| Release::read(of).is_some_and(|of| release.is_of(&of));
        match self.ends {
            Ends::Listed(ends) => ends.iter().find(|(of, _)| is_of(of)).map(|(_, end)| *end),
            Ends::Distribution(id) => {
                let (_, ends) = pavisade_images::releases(id)?;
                ends.iter().find(|(of, _)| is_of(of))?.1.parse().ok()
            }
        }
    }
}

/// The dates are those of the projects: nodejs.org/en/about/previous-releases,
/// devguide.python.org/versions, php.net/supported-versions, postgresql.org/support/versioning.
/// Those of distributions are in `pavisade_images::releases`.
#[rustfmt::skip]
static PRODUCTS: [Product; 9] = [
    Product {
        image: "docker.io/library/debian", support: "long term support",
        ends: Ends::Distribution("debian"),
        names: &[
            ("wheezy", "7"), ("jessie", "8"), ("stretch", "9"), ("buster", "10"),
            ("bullseye", "11"), ("bookworm", "12"), ("trixie", "13"),
        ],
    },
    Product {
        image: "docker.io/library/ubuntu", support: "standard support",
        ends: Ends::Distribution("ubuntu"),
        names: &[
            ("trusty", "14.04"), ("xenial", "16.04"), ("bionic", "18.04"), ("focal", "20.04"),
            ("jammy", "22.04"), ("kinetic", "22.10"), ("lunar", "23.04"), ("mantic", "23.10"),
            ("noble", "24.04"), ("oracular", "24.10"), ("plucky", "25.04"),
        ],
    },
    Product {
        image: "docker.io/library/alpine", support: "support",
        ends: Ends::Distribution("alpine"),
        names: &[],
    },
    Product {
        image: "docker.io/library/node", support: "support",
        ends: Ends::Listed(&[
            ("0", date(2016, 12, 31)), ("4", date(2018, 4, 30)), ("5", date(2016, 6, 30)),
            ("6", date(2019, 4, 30)), ("7", date(2017, 6, 30)), ("8", date(2019, 12, 31)),
            ("9", date(2018, 6, 30)), ("11", date(2019, 6, 1)), ("13", date(2020, 6, 1)),
            ("23", date(2025, 6, 1)), ("10", date(2021, 4, 30)), ("12", date(2022, 4, 30)),
            ("14", date(2023, 4, 30)), ("15", date(2021, 6, 1)), ("16", date(2023, 9, 11)),
            ("17", date(2022, 6, 1)), ("18", date(2025, 4, 30)), ("19", date(2023, 6, 1)),
            ("20", date(2026, 4, 30)), ("21", date(2024, 6, 1)), ("22", date(2027, 4, 30)),
        ]),
        names: &[
            ("argon", "4"), ("boron", "6"), ("carbon", "8"), ("dubnium", "10"), ("erbium", "12"),
            ("fermium", "14"), ("gallium", "16"), ("hydrogen", "18"), ("iron", "20"), ("jod", "22"),
        ],
    },
    Product {
        image: "docker.io/library/python", support: "support",
        ends: Ends::Listed(&[
            ("2", date(2020, 1, 1)), ("3.3", date(2017, 9, 29)), ("3.4", date(2019, 3, 18)),
            ("3.5", date(2020, 9, 30)), ("3.6", date(2021, 12, 23)),
            ("3.7", date(2023, 6, 27)), ("3.8", date(2024, 10, 7)), ("3.9", date(2025, 10, 31)),
            ("3.10", date(2026, 11, 1)), ("3.11", date(2027, 10, 31)), ("3.12", date(2028, 10, 31)),
        ]),
        names: &[],
    },
    Product {
        image: "docker.io/library/php", support: "security support",
        ends: Ends::Listed(&[
            ("5", date(2018, 12, 31)), ("7.0", date(2019, 1, 10)), ("7.1", date(2019, 12, 1)),
            ("7.2", date(2020, 11, 30)), ("7.3", date(2021, 12, 6)), ("7", date(2022, 11, 28)),
            ("8.0", date(2023, 11, 26)), ("8.1", date(2025, 12, 31)), ("8.2", date(2026, 12, 31)),
        ]),
        names: &[],
    },
    Product {
        image: "docker.io/library/postgres", support: "support",
        ends: Ends::Listed(&[
            ("9", date(2021, 11, 11)), ("10", date(2022, 11, 10)), ("11", date(2023, 11, 9)),
            ("12", date(2024, 11, 21)), ("13", date(2025, 11, 13)), ("14", date(2026, 11, 12)),
            ("15", date(2027, 11, 11)), ("16", date(2028, 11, 9)), ("17", date(2029, 11, 8)),
        ]),
        names: &[],
    },
    Product {
        image: "docker.io/library/mysql", support: "support",
        ends: Ends::Listed(&[
            ("5.5", date(2018, 12, 31)), ("5.6", date(2021, 2, 28)), ("5", date(2023, 10, 31)),
            ("8.0", date(2026, 4, 30)),
        ]),
        names: &[],
    },
    Product {
        image: "docker.io/library/mongo", support: "support",
        ends: Ends::Listed(&[
            ("3", date(2021, 4, 30)), ("4.0", date(2022, 4, 30)), ("4.2", date(2023, 4, 30)),
            ("4", date(2024, 2, 29)), ("5.0", date(2024, 10, 31)), ("6.0", date(2025, 7, 31)),
        ]),
        names: &[],
    },
];
