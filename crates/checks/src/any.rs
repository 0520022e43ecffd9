//! Type-erased checks, which a table can hold.

use std::sync::{Arc, LazyLock};

use pavisade_model::{Meta, Program, Subject, Together};
use serde::de::DeserializeOwned;

use crate::{Check, Cx, Dispatch, Lens, Target, Verdict};

/// A type-erased check.
pub(crate) trait AnyCheck: Send + Sync {
    fn meta(&self) -> &Meta;
    fn dispatch(&self) -> Dispatch;
    fn run<'a>(&self, target: Target<'a>, cx: &Cx<'a>, out: &mut Out<'_, 'a>);
}

/// Receives a subject, the program whose settings it contains, and the verdict.
pub(crate) type Out<'o, 'a> = dyn FnMut(Subject, Option<Program>, Verdict<'a>) + 'o;

struct Erased<C>(C, &'static Meta);

impl<C: Check> AnyCheck for Erased<C> {
    fn meta(&self) -> &Meta {
        self.1
    }

    fn dispatch(&self) -> Dispatch {
        C::On::DISPATCH
    }

    fn run<'a>(&self, target: Target<'a>, cx: &Cx<'a>, out: &mut Out<'_, 'a>) {
        for item in C::On::items(target) {
            let mut verdict = self.0.check(item, cx);
            if self.1.rule.together == Together::Image
                && let (Verdict::Fails(claims), Some(name)) = (&mut verdict, C::On::own_name(item))
            {
                claims.iter_mut().for_each(|claim| {
                    claim.rare_mut().detail.evidence.insert(0, name.clone());
                });
            }
            // Passes are only counted, so their subject is not created.
            let subject = match verdict {
                Verdict::Fails(_) | Verdict::Unknown(_) => C::On::subject(item),
                _ => Subject::World { name: NO_NAME.clone() },
            };
            out(subject, C::On::program(item), verdict);
        }
    }
}

static NO_NAME: LazyLock<Arc<str>> = LazyLock::new(|| "".into());

/// Creates a check from its parameters. Absent ones have their defaults.
pub(crate) fn build<C>(parameters: &serde_json::Value) -> Result<Box<dyn AnyCheck>, String>
where
    C: Check + DeserializeOwned + 'static,
{
    static_meta::<C>(C::deserialize(parameters).map_err(|e| e.to_string())?)
}

fn static_meta<C: Check + 'static>(check: C) -> Result<Box<dyn AnyCheck>, String> {
    Ok(Box::new(Erased(check, const { &C::META })))
}
