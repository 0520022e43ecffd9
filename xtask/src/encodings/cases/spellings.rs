//! The spellings of keys, values, mappings and whole pods.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A name, and the transformation of a word; for a key, including the text between it and its
/// value.
type Spelling = (&'static str, fn(&str) -> String);

pub(super) const KEYS: &[Spelling] = &[
    ("single", |key| format!("'{key}':")),
    ("double", |key| format!("\"{key}\":")),
    ("blank before colon", |key| format!("{key} :")),
    ("tab behind colon", |key| format!("{key}:\t")),
    ("hex", |key| format!("{}:", hex(key))),
    ("hex in capitals", |key| format!("\"\\x{:02X}{}\":", key.as_bytes()[0], &key[1..])),
    ("all hex", |key| format!("{}:", escaped(key, "\\x", 2))),
    ("u", |key| format!("{}:", escaped(key, "\\u", 4))),
    ("U", |key| format!("{}:", escaped(key, "\\U", 8))),
    ("explicit", |key| format!("? {key}\n:")),
    ("explicit, comment", |key| format!("? {key} # c\n# c\n:")),
    ("explicit double", |key| format!("? \"{key}\"\n:")),
    ("explicit hex", |key| format!("? {}\n:", hex(key))),
    ("explicit over lines", |key| format!("? \"{}\\\n  {}\"\n:", &key[..2], &key[2..])),
    ("explicit literal", |key| format!("? |-\n  {key}\n:")),
    ("explicit literal with end", |key| format!("? |\n  {key}\n:")),
    ("explicit folded", |key| format!("? >-\n  {key}\n:")),
    ("str", |key| format!("!!str {key}:")),
    ("str verbatim", |key| format!("!<tag:yaml.org,2002:str> {key}:")),
    ("own tag", |key| format!("!x {key}:")),
    ("non-specific tag", |key| format!("! {key}:")),
    ("map tag", |key| format!("!!map {key}:")),
    ("int tag", |key| format!("!!int {key}:")),
    ("binary", |key| format!("{}:", binary(key))),
    ("binary quoted", |key| format!("!!binary \"{}\":", STANDARD.encode(key))),
    ("binary verbatim", |key| format!("!<tag:yaml.org,2002:binary> {}:", STANDARD.encode(key))),
    ("binary tag escaped", |key| {
        format!("!<tag:yaml.org,2002:%62inary> {}:", STANDARD.encode(key))
    }),
    ("binary anchored", |key| format!("&b {}:", binary(key))),
    ("anchor", |key| format!("&k {key}:")),
    ("anchor and tag", |key| format!("!!str &k {key}:")),
    ("alias", |key| format!("x{key}: &k {key}\n*k :")),
    ("alias of an escape", |key| format!("x: &k {}\n*k :", hex(key))),
    ("alias of a binary", |key| format!("x: &k {}\n*k :", binary(key))),
    ("twice", |key| format!("{key}: x\n{key}:")),
    ("twice, escaped", |key| format!("{key}: x\n{}:", hex(key))),
    ("other case before", |key| format!("{}: x\n{key}:", key.to_uppercase())),
    ("comment before", |key| format!("# {key}: x\n\n{key}:")),
    ("comment behind", |key| format!("{key}: # c\n        ")),
    ("value on a later line", |key| format!("{key}:\n\n        ")),
];

pub(super) const VALUES: &[Spelling] = &[
    ("single", |value| format!("'{value}'")),
    ("double", |value| format!("\"{value}\"")),
    ("hex", hex),
    ("u", |value| escaped(value, "\\u", 4)),
    ("U", |value| escaped(value, "\\U", 8)),
    ("over lines", |value| format!("\"{}\\\n  {}\"", &value[..1], &value[1..])),
    ("literal", |value| format!("|-\n  {value}")),
    ("literal with end", |value| format!("|\n  {value}")),
    ("folded", |value| format!(">-\n  {value}")),
    ("indented literal", |value| format!("|2-\n  {value}")),
    ("str", |value| format!("!!str {value}")),
    ("own tag", |value| format!("!x {value}")),
    ("binary", binary),
    ("binary literal", |value| format!("!!binary |\n  {}", STANDARD.encode(value))),
    ("anchor", |value| format!("&v {value}")),
    ("alias before its anchor", |value| format!("*v\nx: &v {value}")),
    ("comment", |value| format!("{value} # c")),
    ("blanks", |value| format!("  {value}  \t")),
    ("next line", |value| format!("\n  {value}")),
    ("next line, comment", |value| format!("# c\n\n  # c\n  {value}")),
];

/// Spellings of `true`, and similar values that are not true.
pub(super) const TRUTHS: &str = r#"true
True
TRUE
tRUE
yes
Yes
YES
yEs
on
On
ON
y
Y
t
1
"true"
'yes'
!!bool true
!!bool "true"
!!bool 'yes'
!!bool on
!!bool "\x74rue"
!<tag:yaml.org,2002:bool> true
!!str true
! true
!x true
!!int 1
&t true
!!bool &t true
true # c
true,
|-\n        true
!!bool |-\n        true
!!bool >-\n        true
\n        true
# c\n        true
!!binary dHJ1ZQ==
  true\t
{}
[true]
null
~
false\n      privileged: true
true\n      privileged: false
false\n      "\x70rivileged": true
false\n      !!binary cHJpdmlsZWdlZA==: true
false\n      Privileged: true
false\n      <<: {privileged: true}
"#;

/// The other fields of a pod in YAML and JSON, which replace `META`, `SPEC`, `FIELDS` and `BODY`.
const BODY: &str = "spec: {containers: [{name: a, image: b, securityContext: {privileged: true}}]}";
const META: &str = "metadata: {name: p}";
const JSON: &str = r#""metadata":{"name":"p"},"spec":{"containers":[{"name":"a","image":"b","securityContext":{"privileged":true}}]}"#;

pub(super) fn fill(text: &str) -> String {
    text.replace("BODY", &format!("{META}\n{BODY}\n"))
        .replace("META", META)
        .replace("SPEC", BODY)
        .replace("JSON", JSON)
        .replace("IN(", "spec: {containers: [{name: a, image: b, securityContext: {")
        .replace(")IN", "}}]}")
}

pub(super) const MERGES: &[(&str, &str)] = &[
    ("of the type", "x: &a {apiVersion: v1, kind: Pod}\n<<: *a\nBODY"),
    ("of the escaped type", "x: &a {\"\\x61piVersion\": v1, \"\\x6bind\": Pod}\n<<: *a\nBODY"),
    ("of a binary type", "<<: {!!binary YXBpVmVyc2lvbg==: v1, !!binary a2luZA==: Pod}\nBODY"),
    ("of two", "x: &a {apiVersion: v1}\ny: &b {kind: Pod, apiVersion: v2}\n<<: [*a, *b]\nBODY"),
    ("of two, one escaped", "x: &a {\"\\x61piVersion\": v1}\n<<: [*a, {kind: Pod}]\nBODY"),
    ("of merges", "x: &a {apiVersion: v1}\ny: &b {<<: *a, kind: Pod}\n<<: *b\nBODY"),
    ("behind", "kind: Pod\nBODY<<: {apiVersion: v1, kind: Secret}\n"),
    ("tagged", "!!merge <<: {apiVersion: v1, kind: Pod}\nBODY"),
    ("quoted", "\"<<\": {apiVersion: v1, kind: Pod}\nBODY"),
    ("quoted and tagged", "!!merge \"<<\": {apiVersion: v1, kind: Pod}\nBODY"),
    ("of an escaped mark", "!!merge \"\\x3c<\": {\"\\x61piVersion\": v1, kind: Pod}\nBODY"),
    ("of a tagged word", "!!merge x: {\"\\x61piVersion\": v1, kind: Pod}\nBODY"),
    ("explicit", "? <<\n: {apiVersion: v1, kind: Pod}\nBODY"),
    ("twice", "<<: {apiVersion: v1}\n<<: {kind: Pod}\nBODY"),
    ("of the spec", "x: &s\n  SPEC\napiVersion: v1\nkind: Pod\nMETA\n<<: *s\n"),
    (
        "of a container",
        "x: &c {securityContext: {privileged: true}}\napiVersion: v1\nkind: Pod\nMETA\n\
         spec: {containers: [{<<: *c, name: a, image: b}]}\n",
    ),
    ("of privileged", "x: &c {privileged: on}\napiVersion: v1\nkind: Pod\nMETA\nIN(<<: *c)IN\n"),
    (
        "under false",
        "x: &c {privileged: on}\napiVersion: v1\nkind: Pod\nMETA\nIN(<<: *c, privileged: false)IN\n",
    ),
    (
        "over false",
        "x: &c {privileged: on}\napiVersion: v1\nkind: Pod\nMETA\nIN(privileged: false, <<: *c)IN\n",
    ),
    ("alias of true", "x: &t true\napiVersion: v1\nkind: Pod\nMETA\nIN(privileged: *t)IN\n"),
    ("alias of a key", "x: &t privileged\napiVersion: v1\nkind: Pod\nMETA\nIN(*t : true)IN\n"),
    (
        "alias of the spec",
        "x: &s {containers: [{name: a, image: b, securityContext: {privileged: yes}}]}\n\
         apiVersion: v1\nkind: Pod\nMETA\nspec: *s\n",
    ),
    (
        "alias of a container",
        "x: &c {name: a, image: b, securityContext: {privileged: yes}}\n\
         apiVersion: v1\nkind: Pod\nMETA\nspec: {containers: [*c]}\n",
    ),
    (
        "anchor given twice",
        "x: &t false\ny: &t true\napiVersion: v1\nkind: Pod\nMETA\nIN(privileged: *t)IN\n",
    ),
];

pub(super) const LAYOUTS: &[(&str, &str)] = &[
    ("flow", "{apiVersion: v1, kind: Pod, META, SPEC}\n"),
    (
        "flow over lines",
        "{apiVersion: v1,\n kind: Pod, # c\n META,\n spec: {containers: [\n  {name: a, image: b,\n   \
         securityContext: {privileged: true,},},\n ]},\n}\n",
    ),
    ("flow without end", "{apiVersion: v1, kind: Pod, META, SPEC}"),
    ("flow, explicit", "{? apiVersion : v1, ? kind : Pod, META, IN(? privileged : true)IN}\n"),
    ("flow, escapes", "{\"\\x61piVersion\": v1, \"\\x6bind\": Pod, META, SPEC}\n"),
    ("flow, no blanks", "{\"apiVersion\":v1,\"kind\":Pod,META,SPEC}\n"),
    ("json", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",JSON}"),
    ("json, lines", "{\n  \"apiVersion\": \"v1\",\n  \"kind\": \"Pod\",\n  JSON\n}\n"),
    ("json, tabs", "{\n\t\"apiVersion\":\t\"v1\",\n\t\"kind\": \"Pod\",\n\tJSON\n}\n"),
    ("json, escapes", "{\"\\u0061piVersion\":\"v1\",\"\\u006bind\":\"\\u0050od\",JSON}\n"),
    (
        "json, keys twice",
        "{\"apiVersion\":\"v2\",\"kind\":\"Secret\",\"spec\":{},\
         \"apiVersion\":\"v1\",\"kind\":\"Pod\",JSON}\n",
    ),
    (
        "json, escaped keys twice",
        "{\"apiVersion\":\"v2\",\"kind\":\"Secret\",\"\\u0061piVersion\":\"v1\",\"k\\u0069nd\":\"Pod\",JSON}\n",
    ),
    (
        "json, other case",
        "{\"apiVersion\":\"v1\",\"APIVERSION\":\"v2\",\"kind\":\"Pod\",\"Kind\":\"Secret\",JSON}\n",
    ),
    ("json, YAML in it", "{\"apiVersion\":\"v1\",'kind':Pod,META,SPEC}\n"),
    ("json, comma too many", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",JSON,}\n"),
    ("json, comment", "{\"apiVersion\":\"v1\",\"kind\":\"Pod\", # c\nJSON}\n"),
    ("json, blanks before", "\n\n  \t {\"apiVersion\":\"v1\",\"kind\":\"Pod\",JSON}\n"),
    (
        "json, list",
        "{\"kind\":\"List\",\"apiVersion\":\"v1\",\
         \"items\":[{\"\\u0061piVersion\":\"v1\",\"kind\":\"Pod\",JSON}]}\n",
    ),
    (
        "json, two",
        "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"}{\"apiVersion\":\"v1\",\"kind\":\"Pod\",JSON}",
    ),
    (
        "deep indentation",
        "apiVersion: v1\nkind: Pod\nmetadata:\n        name: p\nspec:\n        containers:\n\
         \u{20}               -       name: a\n                        image: b\n\
         \u{20}                       securityContext:\n                                privileged: true\n",
    ),
    (
        "least indentation",
        "apiVersion: v1\nkind: Pod\nMETA\nspec:\n containers:\n - name: a\n   image: b\n   \
         securityContext:\n    privileged: true\n",
    ),
    ("indented document", "   apiVersion: v1\n   kind: Pod\n   META\n   SPEC\n"),
    (
        "comments",
        "# a\n\napiVersion: v1 # b\n# c\nkind: Pod #d\nmetadata: # e\n  # f\n  name: p\nspec:\n# g\n  \
         containers:\n  # h\n  -\n    # i\n    name: a\n    image: b\n    securityContext: # j\n      \
         # k\n      privileged: true # l\n# m\n",
    ),
    ("type at the end", "SPEC\nMETA\nkind: Pod\napiVersion: v1\n"),
    (
        "tagged collections",
        "!!map\napiVersion: v1\nkind: Pod\nmetadata: !!map {name: p}\nspec: !x\n  containers: !!seq\n  \
         - !!map\n    name: a\n    image: b\n    securityContext: !!map {privileged: true}\n",
    ),
    ("anchored root", "&r\napiVersion: v1\nkind: Pod\nBODY"),
    ("aliased root", "x: &r {apiVersion: v1, kind: Pod, META, SPEC}\n<<: *r\n"),
];

fn hex(text: &str) -> String {
    format!("\"\\x{:02x}{}\"", text.as_bytes()[0], &text[1..])
}

fn binary(text: &str) -> String {
    format!("!!binary {}", STANDARD.encode(text))
}

/// Escapes all characters with a number of digits.
fn escaped(text: &str, mark: &str, digits: usize) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        // Writing to a `String` cannot fail.
        let _ = write!(out, "{mark}{:0digits$x}", u32::from(character));
    }
    out + "\""
}
