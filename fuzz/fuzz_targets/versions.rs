//! Three versions of an order: the order is total and nothing panics.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_vulndb::{Order, Version};

const ORDERS: [Order; 13] = [
    Order::Apk2,
    Order::Apk3,
    Order::Deb,
    Order::Dotted,
    Order::Gem,
    Order::Go,
    Order::Maven,
    Order::Nuget,
    Order::Packagist,
    Order::Pub,
    Order::Pep440,
    Order::Rpm,
    Order::Semver,
];

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let order = ORDERS[usize::from(selector) % ORDERS.len()];
    let text = String::from_utf8_lossy(rest);
    let versions: Vec<_> =
        text.split('\n').take(3).filter_map(|text| Version::read(order, text).ok()).collect();
    let say = |a: &Version<'_>, b: &Version<'_>| a.compare(b).expect("one order");
    for a in &versions {
        for b in &versions {
            assert_eq!(say(a, b), say(b, a).reverse());
            // Maven's order has loops.
            for c in versions.iter().filter(|_| order != Order::Maven) {
                assert!(!(say(a, b).is_le() && say(b, c).is_le() && say(a, c).is_gt()));
            }
        }
    }
});
