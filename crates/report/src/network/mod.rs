//! Network connections: a map, answers, and explanations.

mod answer;
mod api_server;
mod found;
mod map;
mod shapes;
mod svg;
mod tables;
mod words;

use std::io::{self, Write};

use pavisade_netpol::Picture;
use serde_json::{Value, json};

pub use answer::{NetworkAnswer, network_answer, network_explain};
pub use api_server::{Configured, network_api_server};
pub use found::{
    Demanded, NetworkDiffFormat, network_check, network_diff, network_generated, network_lint,
};
pub use words::Shown;

/// The format of a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkFormat {
    /// For terminals.
    Text,
    /// JSON.
    Json,
    /// One row per connection.
    Csv,
    /// A table for a pull request.
    Markdown,
    /// For Graphviz.
    Dot,
    /// An image.
    Svg,
}

/// A JSON document with a part for each world.
#[derive(Debug, Default)]
pub struct NetworkDocument(Vec<Value>);

impl NetworkDocument {
    pub(super) fn add(&mut self, world: Value) {
        self.0.push(world);
    }

    /// Writes it; `form` is what it is and the version of its form.
    ///
    /// # Errors
    /// The output cannot be written.
    pub fn write(&self, form: &str, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, &json!({ "form": form, "worlds": self.0 }))?;
        writeln!(out)
    }
}

/// A map of one world.
#[derive(Debug)]
pub struct NetworkMap {
    /// The name of the world.
    pub name: String,
    /// The content of the map.
    pub picture: Picture,
}

/// Writes maps. SVG and dot contain only the first world with workloads; the other formats contain
/// all.
///
/// # Errors
/// Writing the output fails.
pub fn network_map(
    maps: &[NetworkMap],
    format: NetworkFormat,
    shown: &Shown,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        NetworkFormat::Text => maps.iter().try_for_each(|m| map::write(m, shown, out)),
        NetworkFormat::Json => tables::json(maps, out),
        NetworkFormat::Csv => tables::csv(maps, out),
        NetworkFormat::Markdown => tables::markdown(maps, out),
        NetworkFormat::Dot => maps.first().map_or(Ok(()), |m| tables::dot(m, out)),
        NetworkFormat::Svg => maps.first().map_or(Ok(()), |m| svg::write(m, out)),
    }
}
