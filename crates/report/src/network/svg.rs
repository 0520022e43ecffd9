//! The map as an SVG.
//!
//! There is a lane for each namespace. Workloads are in columns by their distance from the outside,
//! so that lines go from left to right. Connections allowed from any pod are a mark on a card and
//! not a line: an open cluster would otherwise be an unreadable web. Colors show what is open: red
//! for what is reachable from outside and for open stores, orange for what every pod can reach.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;
use std::io::{self, Write};

use pavisade_netpol::{By, Connections, Direction, End, Selects, Way};

use super::NetworkMap;
use super::shapes::{curve, cut, escape, head, legend};
use super::words;

const CARD: (i32, i32) = (212, 62);
const GAP: (i32, i32) = (84, 16);
const LEFT: i32 = 210;
const TOP: i32 = 104;
/// Number of columns in a lane.
const COLUMNS: usize = 5;
/// From this number on, lines from most of a namespace are combined.
const BUNDLE: usize = 4;

/// A workload in the SVG.
#[derive(Default)]
struct Card {
    lane: usize,
    column: usize,
    x: i32,
    y: i32,
    name: String,
    kind: String,
    marks: Vec<(String, &'static str)>,
    bar: &'static str,
    fill: &'static str,
}

/// A line from a card, or from a whole lane, to a card.
struct Arrow {
    from: Result<usize, usize>,
    to: usize,
    label: String,
    dashed: bool,
}

pub(super) fn write(map: &NetworkMap, out: &mut dyn Write) -> io::Result<()> {
    let drawing = Drawing::of(map);
    out.write_all(drawing.draw(map).as_bytes())
}

struct Drawing {
    lanes: Vec<(String, i32, i32)>,
    cards: BTreeMap<usize, Card>,
    arrows: Vec<Arrow>,
    facing: Vec<(usize, String)>,
    size: (i32, i32),
}

impl Drawing {
    fn of(map: &NetworkMap) -> Self {
        let picture = &map.picture;
        let engine = &picture.engine;
        let workloads = &engine.network().workloads;
        let pairs = specific(map);
        let mut shown: BTreeSet<usize> =
            (0..workloads.len()).filter(|w| picture.shows(*w)).collect();
        shown.extend(pairs.keys().flat_map(|(from, to)| [*from, *to]));
        let facing = facing(map);
        // Namespaces that are reachable from outside come first.
        let first: BTreeSet<&str> = facing.keys().map(|w| &*workloads[*w].namespace).collect();
        let mut names: Vec<&str> = shown.iter().map(|w| &*workloads[*w].namespace).collect();
        names.sort_unstable_by_key(|name| (!first.contains(name), *name));
        names.dedup();
        let columns = columns(&shown, &pairs, &facing);
        let mut cards = BTreeMap::new();
        for place in shown {
            let workload = &workloads[place];
            let lane = names.iter().position(|name| *name == workload.namespace).unwrap_or(0);
            let column = columns.get(&place).copied();
            let mut card = card(map, place, &pairs);
            (card.lane, card.column) = (lane, column.unwrap_or(usize::MAX));
            cards.insert(place, card);
        }
        let mut drawing = Self {
            lanes: names.into_iter().map(|name| (name.to_owned(), 0, 0)).collect(),
            arrows: arrows(map, &pairs, &cards),
            cards,
            facing: facing.into_iter().collect(),
            size: (0, 0),
        };
        drawing.place();
        drawing
    }

    /// Places all cards: by column, next to those that connect to them.
    fn place(&mut self) {
        let mut y = TOP;
        let mut right = LEFT;
        for lane in 0..self.lanes.len() {
            let mut columns: Vec<Vec<usize>> = vec![Vec::new(); COLUMNS];
            let mut loose = Vec::new();
            for (place, card) in self.cards.iter().filter(|(_, card)| card.lane == lane) {
                match columns.get_mut(card.column) {
                    Some(column) => column.push(*place),
                    None => loose.push(*place),
                }
            }
            // Cards without connections fill the shortest columns.
            for place in loose {
                if let Some(column) = columns.iter_mut().min_by_key(|column| column.len()) {
                    column.push(place);
                }
            }
            let rows = columns.iter().map(Vec::len).max().unwrap_or(0).max(1);
            let rows = i32::try_from(rows).unwrap_or(i32::MAX);
            let height = rows * (CARD.1 + GAP.1) + 40;
            for (index, column) in columns.iter().enumerate() {
                let index = i32::try_from(index).unwrap_or(0);
                for (row, place) in column.iter().enumerate() {
                    let row = i32::try_from(row).unwrap_or(0);
                    if let Some(card) = self.cards.get_mut(place) {
                        card.x = LEFT + 24 + index * (CARD.0 + GAP.0);
                        card.y = y + 32 + row * (CARD.1 + GAP.1);
                        right = right.max(card.x + CARD.0 + 24);
                    }
                }
            }
            self.lanes[lane].1 = y;
            self.lanes[lane].2 = height;
            y += height + 18;
        }
        self.size = (right.max(1220) + 24, y + 76);
    }

    fn draw(&self, map: &NetworkMap) -> String {
        let (width, height) = self.size;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" font-family=\"system-ui, 'Segoe UI', 'DejaVu Sans', \
             sans-serif\" font-size=\"12\">\n<title>{}</title>\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#f8fafc\"/>\n",
            escape(&format!("Network of {}", map.name))
        );
        self.heading(map, &mut svg);
        for (name, y, height) in &self.lanes {
            _ = write!(
                svg,
                "<rect x=\"{LEFT}\" y=\"{y}\" width=\"{}\" height=\"{height}\" rx=\"10\" \
                 fill=\"#ffffff\" stroke=\"#e2e8f0\"/>\n<text x=\"{}\" y=\"{}\" \
                 font-weight=\"600\" fill=\"#475569\">{}</text>\n",
                width - LEFT - 24,
                LEFT + 24,
                y + 21,
                escape(name),
            );
        }
        for arrow in &self.arrows {
            self.arrow(arrow, &mut svg);
        }
        self.outside(&mut svg);
        for card in self.cards.values() {
            draw_card(card, &mut svg);
        }
        legend(height, &mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn heading(&self, map: &NetworkMap, svg: &mut String) {
        let picture = &map.picture;
        let all = self.cards.len();
        let open: Vec<_> =
            self.cards.keys().filter(|w| !picture.open_to_all(**w).is_empty()).collect();
        let network = picture.engine.network();
        let on_host = |w: &usize| {
            network.workloads[*w].parties.iter().all(|id| network.parties[*id].host_network)
        };
        let open: Vec<_> = open.into_iter().filter(|w| !on_host(w)).collect();
        let stores = open
            .iter()
            .filter(|w| words::store(&picture.engine, ***w, picture.open_to_all(***w)).is_some())
            .count();
        let mut parts = vec![
            words::count(all, "workload", "workloads"),
            format!("{} reachable from outside", self.facing.len()),
            format!("{} open to every pod", open.len()),
        ];
        if stores > 0 {
            parts.push(words::count(stores, "open store", "open stores"));
        }
        _ = write!(
            svg,
            "<text x=\"24\" y=\"36\" font-size=\"20\" font-weight=\"700\" fill=\"#0f172a\">{}</text>\n\
             <text x=\"24\" y=\"60\" fill=\"#475569\" font-size=\"13\">{}</text>\n",
            escape(&cut(&map.name, 80)),
            escape(&parts.join("  ·  ")),
        );
    }

    /// Draws the outside, with a line to each workload that it reaches.
    fn outside(&self, svg: &mut String) {
        let (x, w, h) = (24, 132, 62);
        let y = self.facing.first().and_then(|(w, _)| self.cards.get(w)).map_or(TOP + 32, |c| c.y);
        for (workload, label) in &self.facing {
            let Some(card) = self.cards.get(workload) else { continue };
            let (from, to) = ((x + w, y + h / 2), (card.x, card.y + CARD.1 / 2));
            curve(from, to, "#dc2626", 2.2, false, label, svg);
        }
        let colour = if self.facing.is_empty() { "#94a3b8" } else { "#dc2626" };
        _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"31\" fill=\"#fff\" \
             stroke=\"{colour}\" stroke-width=\"2\"/>\n<text x=\"{}\" y=\"{}\" \
             text-anchor=\"middle\" font-weight=\"700\" font-size=\"14\" fill=\"{colour}\">Outside</text>\n\
             <text x=\"{}\" y=\"{}\" text-anchor=\"middle\" font-size=\"11\" fill=\"#64748b\">of the \
             cluster</text>\n",
            x + w / 2,
            y + 28,
            x + w / 2,
            y + 45,
        );
    }

    fn arrow(&self, arrow: &Arrow, svg: &mut String) {
        let Some(to) = self.cards.get(&arrow.to) else { return };
        let end = (to.x, to.y + CARD.1 / 2);
        let start = match arrow.from {
            Ok(from) => match self.cards.get(&from) {
                Some(from) if from.x < to.x => (from.x + CARD.0, from.y + CARD.1 / 2),
                Some(from) if from.x == to.x => {
                    // Next to the column, so that it is visible.
                    let (a, b) = (from.y + CARD.1 / 2, to.y + CARD.1 / 2);
                    let bow = from.x - 46;
                    _ = writeln!(
                        svg,
                        "<path d=\"M{0},{a} C{bow},{a} {bow},{b} {0},{b}\" fill=\"none\" \
                         stroke=\"#64748b\" stroke-width=\"1.3\" opacity=\"0.75\"{2}><title>{1}</title></path>",
                        from.x,
                        escape(&arrow.label),
                        if arrow.dashed { " stroke-dasharray=\"5 4\"" } else { "" },
                    );
                    head((from.x, b), "#64748b", svg);
                    return;
                }
                Some(from) => (from.x + CARD.0 / 2, from.y),
                None => return,
            },
            Err(lane) => match self.lanes.get(lane) {
                Some((_, y, height)) => (LEFT, y + height / 2),
                None => return,
            },
        };
        let colour = if arrow.from.is_err() { "#2563eb" } else { "#64748b" };
        curve(start, end, colour, 1.3, arrow.dashed, &arrow.label, svg);
    }
}

/// Returns connections between workloads that are not allowed from any pod.
fn specific(map: &NetworkMap) -> BTreeMap<(usize, usize), (Connections, bool)> {
    let picture = &map.picture;
    let mut pairs = BTreeMap::new();
    for line in &picture.lines {
        if let (End::Workload(from), End::Workload(to)) = (&line.from, &line.to) {
            let more = line.verdict.allow.subtract(picture.open_to_all(*to));
            if !more.is_empty() {
                let certain = line.verdict.unsure().intersect(&more).is_empty();
                pairs.insert((*from, *to), (more, certain));
            }
        }
    }
    pairs
}

/// Whether something routes traffic from outside and policies allow it. A pod on the host network
/// is reachable by anyone who reaches the node, and has its own mark.
fn leads(way: &Way) -> bool {
    way.by != By::HostNetwork && !way.verdict.allow.is_empty()
}

/// Returns what is reachable from outside, and how.
fn facing(map: &NetworkMap) -> BTreeMap<usize, String> {
    let picture = &map.picture;
    let mut facing: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for way in picture.ways.iter().filter(|way| leads(way)) {
        let by = words::by(&picture.engine, &way.by);
        let text = format!("{} by {by}", words::connections(&way.verdict));
        facing.entry(way.workload).or_default().insert(text);
    }
    let joined = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join("; ");
    facing.into_iter().map(|(workload, all)| (workload, joined(all))).collect()
}

/// Returns the distance of workloads from the outside. Workloads without lines have no column.
fn columns(
    shown: &BTreeSet<usize>,
    pairs: &BTreeMap<(usize, usize), (Connections, bool)>,
    facing: &BTreeMap<usize, String>,
) -> BTreeMap<usize, usize> {
    let mut columns: BTreeMap<usize, usize> = facing.keys().map(|w| (*w, 0)).collect();
    let into: BTreeSet<_> = pairs.keys().map(|(_, to)| *to).collect();
    let out: BTreeSet<_> = pairs.keys().map(|(from, _)| *from).collect();
    for workload in shown.iter().filter(|w| out.contains(w) && !into.contains(w)) {
        columns.entry(*workload).or_insert(0);
    }
    let mut queue: VecDeque<usize> = columns.keys().copied().collect();
    let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in pairs.keys() {
        next.entry(*from).or_default().push(*to);
    }
    while let Some(workload) = queue.pop_front() {
        let column = (columns[&workload] + 1).min(COLUMNS - 1);
        for to in next.get(&workload).into_iter().flatten() {
            if !columns.contains_key(to) {
                columns.insert(*to, column);
                queue.push_back(*to);
            }
        }
    }
    // Cycles without incoming lines.
    for workload in into {
        columns.entry(workload).or_insert(1);
    }
    columns
}

fn arrows(
    map: &NetworkMap,
    pairs: &BTreeMap<(usize, usize), (Connections, bool)>,
    cards: &BTreeMap<usize, Card>,
) -> Vec<Arrow> {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for card in cards.values() {
        *sizes.entry(card.lane).or_default() += 1;
    }
    // By target, lane and connections: a whole namespace is one line.
    let mut groups: BTreeMap<(usize, usize, &Connections, bool), Vec<usize>> = BTreeMap::new();
    for ((from, to), (connections, certain)) in pairs {
        let Some(lane) = cards.get(from).map(|card| card.lane) else { continue };
        groups.entry((*to, lane, connections, *certain)).or_default().push(*from);
    }
    let engine = &map.picture.engine;
    let mut arrows = Vec::new();
    for ((to, lane, connections, certain), from) in groups {
        let own = cards.get(&to).is_some_and(|card| card.lane == lane);
        let whole = sizes.get(&lane).copied().unwrap_or(0).saturating_sub(usize::from(own));
        let target = words::workload(engine, to);
        let ports = words::ports(connections);
        if from.len() >= BUNDLE && from.len() == whole {
            let label = format!("every workload of the namespace to {target}: {ports}");
            arrows.push(Arrow { from: Err(lane), to, label, dashed: !certain });
            continue;
        }
        for from in from {
            let label = format!("{} to {target}: {ports}", words::workload(engine, from));
            arrows.push(Arrow { from: Ok(from), to, label, dashed: !certain });
        }
    }
    arrows
}

fn card(
    map: &NetworkMap,
    place: usize,
    pairs: &BTreeMap<(usize, usize), (Connections, bool)>,
) -> Card {
    let picture = &map.picture;
    let workload = &picture.engine.network().workloads[place];
    let open = picture.open_to_all(place);
    let store = words::store(&picture.engine, place, open);
    let faces = picture.ways.iter().any(|way| way.workload == place && leads(way));
    let parties = &workload.parties;
    let network = picture.engine.network();
    let on_host = parties.iter().all(|id| network.parties[*id].host_network);
    let mut marks = Vec::new();
    if faces {
        let ways = picture.ways.iter().filter(|way| way.workload == place && leads(way));
        let all = ways.fold(Connections::none(), |all, way| all.union(&way.verdict.allow));
        marks.push((format!("from outside: {}", words::ports(&all)), "#b91c1c"));
    }
    match (open.is_empty(), store) {
        _ if on_host => {
            marks.push(("network of the node: no policies".to_owned(), "#7c3aed"));
        }
        (true, _) => {
            let into: Vec<_> = pairs.iter().filter(|((_, to), _)| *to == place).collect();
            let all = into.iter().fold(Connections::none(), |all, (_, (c, _))| all.union(c));
            let from = words::count(into.len(), "workload", "workloads");
            marks.push(match into.is_empty() {
                true => ("closed to pods".to_owned(), "#15803d"),
                false => (format!("{} from {from}", words::ports(&all)), "#475569"),
            });
        }
        (false, Some(store)) => {
            marks.push((format!("{store} open to every pod"), "#b91c1c"));
        }
        (false, None) => {
            marks.push((format!("open to every pod: {}", words::ports(open)), "#b45309"));
        }
    }
    if marks.len() < 2 && picture.exposure(place, Direction::Egress).restricted == Selects::Yes {
        marks.push(("egress restricted".to_owned(), "#64748b"));
    }
    let (bar, fill) = match (faces, open.is_empty(), store.is_some()) {
        (true, ..) => ("#dc2626", "#ffffff"),
        _ if on_host => ("#7c3aed", "#ffffff"),
        (_, false, true) => ("#dc2626", "#fee2e2"),
        (_, false, false) => ("#f59e0b", "#ffffff"),
        _ => ("#16a34a", "#ffffff"),
    };
    let fill = if faces && !open.is_empty() && store.is_some() { "#fee2e2" } else { fill };
    Card {
        name: workload.name.clone(),
        kind: workload.kind.clone(),
        marks,
        bar,
        fill,
        ..Card::default()
    }
}

fn draw_card(card: &Card, svg: &mut String) {
    let Card { x, y, name, kind, marks, bar, fill, .. } = card;
    let (w, h) = CARD;
    _ = write!(
        svg,
        "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" rx=\"6\" \
         fill=\"{fill}\" stroke=\"#cbd5e1\"/><rect x=\"{x}\" y=\"{y}\" width=\"6\" height=\"{h}\" \
         rx=\"3\" fill=\"{bar}\"/><text x=\"{}\" y=\"{}\" font-weight=\"600\" \
         fill=\"#0f172a\">{}</text><text x=\"{}\" y=\"{}\" font-size=\"9\" text-anchor=\"end\" \
         fill=\"#94a3b8\">{}</text>",
        escape(&format!("{name} ({kind})")),
        x + 14,
        y + 19,
        escape(&cut(name, 26)),
        x + w - 8,
        y + 17,
        escape(&if name.chars().count() > 17 { String::new() } else { cut(kind, 13) }),
    );
    for (index, (text, colour)) in marks.iter().take(2).enumerate() {
        let line = y + 36 + i32::try_from(index).unwrap_or(0) * 15;
        _ = write!(
            svg,
            "<text x=\"{}\" y=\"{line}\" font-size=\"11\" fill=\"{colour}\">{}</text>",
            x + 14,
            escape(&cut(text, 34)),
        );
    }
    svg.push_str("</g>\n");
}
