//! Go binaries: arbitrary bytes, also after a valid start and build information header.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_packages::Reader;

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let mut file = Vec::new();
    if selector % 4 > 0 {
        // One segment that contains the whole file.
        file.extend(b"\x7FELF\x02\x01\x01");
        file.resize(16, 0);
        file.extend(b"\x02\0\x3E\0\x01\0\0\0");
        file.extend([0_u64, 64, 0].map(u64::to_le_bytes).concat());
        file.extend(b"\0\0\0\0\x40\0\x38\0\x01\0");
        file.resize(64, 0);
        file.extend(b"\x01\0\0\0\x05\0\0\0");
        file.extend([0_u64, 0x1000, 0x1000, 1 << 20, 1 << 20, 0].map(u64::to_le_bytes).concat());
        file.resize(128, 0);
    }
    if selector % 4 > 1 {
        file.extend(b"\xFF Go buildinf:");
        file.extend(if selector % 4 == 2 { [8, 2] } else { [8, 0] });
        file.extend([0x10C0_u64, 0x10D0].map(u64::to_le_bytes).concat());
    }
    file.extend(rest);
    let contents = Reader::GoBinary.read(&file);
    for package in &contents.packages {
        package.purl(None);
    }
});
