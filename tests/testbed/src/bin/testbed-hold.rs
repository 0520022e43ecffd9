//! Starts a cluster of its own and holds it until it is killed, for the test that
//! kills it: `testbed-hold NAME NODES`.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a test reads what it says")]

use testbed::Shape;

fn main() {
    let mut args = std::env::args().skip(1);
    let (Some(name), Some(nodes)) = (args.next(), args.next().and_then(|nodes| nodes.parse().ok()))
    else {
        return eprintln!("usage: testbed-hold NAME NODES");
    };
    let shape = Shape { nodes, ..Shape::default() };
    let cluster = match testbed::start(&shape, &name) {
        Ok(cluster) => cluster,
        Err(skipped) => return println!("{skipped}"),
    };
    println!("ready {}", cluster.dir().display());
    loop {
        std::thread::park();
    }
}
