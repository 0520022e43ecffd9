//! `#[check]`: turns a doc comment and an attribute into one constant, and nothing else.

use proc_macro::TokenStream;
use quote::{ToTokens as _, quote};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{
    Attribute, Expr, Ident, ItemStruct, LitBool, LitStr, Token, bracketed, parse_macro_input,
};

/// Implements `Described::META` for a struct from its attribute and its doc comment.
///
/// ```text
/// /// First sentence: what fails.
/// ///
/// /// ## Why
/// /// Why it matters.
/// ///
/// /// ## Fix
/// /// What to do.
/// #[check(id = "PV-C003", severity = High, scope = Object)]
/// ```
/// Optional arguments:
/// - `name`: the name, by default the struct's name in kebab case
/// - `confidence`: by default `High`
/// - `audience`: by default `Everyone`
/// - `on`, `reads`: lists of constants of `pavisade_model::kinds`. In `reads`, `..WORKLOADS` stands
///   for all kinds of such a group.
/// - `programs`: the programs whose settings it evaluates
/// - `fixable`: `Safely` or `Riskily`, if it provides fixes
/// - `parts`: names of settings that a control may refer to individually
/// - `together`: how its findings are grouped, by default `Object`
/// - `strict_in_files = true`: for everyone in a cluster, strict for files
/// - `files_only = true`: for source files only, not for clusters
/// - `at_rest = true`: applies to objects even if nothing runs from them
/// - `secret = true`: findings point at secrets, whose values no output shows
#[proc_macro_attribute]
pub fn check(attribute: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = parse_macro_input!(attribute as Arguments);
    let item = parse_macro_input!(item as ItemStruct);
    match expand(arguments, &item) {
        Ok(tokens) => tokens.into(),
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#error #item).into()
        }
    }
}

#[derive(Default)]
struct Arguments {
    id: Option<LitStr>,
    name: Option<LitStr>,
    severity: Option<Ident>,
    confidence: Option<Ident>,
    audience: Option<Ident>,
    scope: Option<Ident>,
    on: Vec<Ident>,
    programs: Vec<Ident>,
    facts: Vec<Ident>,
    fixable: Option<Ident>,
    together: Option<Ident>,
    strict_in_files: bool,
    files_only: bool,
    at_rest: bool,
    secret: bool,
    parts: Vec<LitStr>,
    reads: Vec<Read>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let mut arguments = Self::default();
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            input.parse::<Token![=]>()?;
            match key.to_string().as_str() {
                "id" => arguments.id = Some(input.parse()?),
                "name" => arguments.name = Some(input.parse()?),
                "severity" => arguments.severity = Some(input.parse()?),
                "confidence" => arguments.confidence = Some(input.parse()?),
                "audience" => arguments.audience = Some(input.parse()?),
                "scope" => arguments.scope = Some(input.parse()?),
                "on" => arguments.on = list(input)?,
                "programs" => arguments.programs = list(input)?,
                "facts" => arguments.facts = list(input)?,
                "fixable" => arguments.fixable = Some(input.parse()?),
                "together" => arguments.together = Some(input.parse()?),
                "strict_in_files" => {
                    arguments.strict_in_files = input.parse::<LitBool>()?.value;
                }
                "files_only" => arguments.files_only = input.parse::<LitBool>()?.value,
                "at_rest" => arguments.at_rest = input.parse::<LitBool>()?.value,
                "secret" => arguments.secret = input.parse::<LitBool>()?.value,
                "parts" => arguments.parts = list(input)?,
                "reads" => arguments.reads = list(input)?,
                other => {
                    return Err(syn::Error::new(key.span(), format!("unknown argument `{other}`")));
                }
            }
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(arguments)
    }
}

/// A kind, or a group of kinds: `..GROUP`.
struct Read {
    group: bool,
    name: Ident,
}

impl Parse for Read {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let group = input.peek(Token![..]);
        if group {
            input.parse::<Token![..]>()?;
        }
        Ok(Self { group, name: input.parse()? })
    }
}

fn list<T: Parse>(input: ParseStream<'_>) -> syn::Result<Vec<T>> {
    let content;
    bracketed!(content in input);
    Ok(Punctuated::<T, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

fn expand(arguments: Arguments, item: &ItemStruct) -> syn::Result<proc_macro2::TokenStream> {
    let missing = |what: &str| syn::Error::new(item.ident.span(), format!("a check needs {what}"));
    let text = documentation(&item.attrs);
    let (title, rest) = text.split_once("\n\n").ok_or_else(|| missing("a first sentence"))?;
    let section = |name: &str| {
        let start = rest.find(&format!("## {name}\n"))? + name.len() + 4;
        let body = &rest[start..];
        let body = body[..body.find("\n## ").unwrap_or(body.len())].trim();
        (!body.is_empty()).then(|| body.to_owned())
    };
    let why = section("Why").ok_or_else(|| missing("a section `## Why` in its comment"))?;
    let fix = section("Fix").ok_or_else(|| missing("a section `## Fix` in its comment"))?;
    let title = title.replace('\n', " ");
    let id = arguments.id.ok_or_else(|| missing("`id`"))?;
    let name = arguments.name.map_or_else(|| kebab(&item.ident.to_string()), |n| n.value());
    let severity = arguments.severity.ok_or_else(|| missing("`severity`"))?;
    let scope = arguments.scope.ok_or_else(|| missing("`scope`"))?;
    let or = |ident: Option<Ident>, default: &str| {
        ident.unwrap_or_else(|| Ident::new(default, item.ident.span()))
    };
    let confidence = or(arguments.confidence, "High");
    let audience = or(arguments.audience, "Everyone");
    let (on, programs, facts) = (&arguments.on, &arguments.programs, &arguments.facts);
    let fixable = or(arguments.fixable, "Never");
    let together = or(arguments.together, "Object");
    let strict_in_files = arguments.strict_in_files;
    let (files_only, at_rest) = (arguments.files_only, arguments.at_rest);
    let secret = arguments.secret;
    let parts = &arguments.parts;
    let reads = arguments.reads.iter().map(|Read { group, name }| match group {
        true => quote!(::pavisade_model::kinds::#name),
        false => quote!(&[::pavisade_model::kinds::#name]),
    });
    let ident = &item.ident;
    Ok(quote! {
        #item
        impl crate::Described for #ident {
            const META: ::pavisade_model::Meta = ::pavisade_model::Meta {
                rule: ::pavisade_model::Rule {
                    id: ::std::borrow::Cow::Borrowed(#id),
                    name: ::std::borrow::Cow::Borrowed(#name),
                    title: ::std::borrow::Cow::Borrowed(#title),
                    why: ::std::borrow::Cow::Borrowed(#why),
                    advice: ::std::borrow::Cow::Borrowed(#fix),
                    severity: ::pavisade_model::Severity::#severity,
                    confidence: ::pavisade_model::Confidence::#confidence,
                    audience: ::pavisade_model::Audience::#audience,
                    area: ::pavisade_model::Area::of_check(#id),
                    fixable: ::pavisade_model::Fixable::#fixable,
                    secret: #secret,
                    parts: ::std::borrow::Cow::Borrowed(
                        &[#(::std::borrow::Cow::Borrowed(#parts)),*],
                    ),
                    together: ::pavisade_model::Together::#together,
                },
                scope: ::pavisade_model::Scope::#scope,
                on: ::std::borrow::Cow::Borrowed(&[#(::pavisade_model::kinds::#on),*]),
                programs: &[#(::pavisade_model::Program::#programs),*],
                strict_in_files: #strict_in_files,
                files_only: #files_only,
                at_rest: #at_rest,
                facts: &[#(::pavisade_model::Fact::#facts),*],
                reads: ::std::borrow::Cow::Borrowed(
                    &[#(::std::borrow::Cow::Borrowed(#reads)),*],
                ),
            };
        }
    })
}

fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter(|a| a.path().is_ident("doc")).filter_map(|attribute| {
        let value = &attribute.meta.require_name_value().ok()?.value;
        let Expr::Lit(literal) = value else { return None };
        let text = syn::parse2::<LitStr>(literal.lit.to_token_stream()).ok()?.value();
        Some(text.strip_prefix(' ').unwrap_or(&text).to_owned())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn kebab(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !out.is_empty() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}
