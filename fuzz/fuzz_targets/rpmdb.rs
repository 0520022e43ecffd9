//! rpm databases: arbitrary bytes, bytes after a valid start, and headers in a valid frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_packages::Reader;

const PAGE: usize = 512;

fuzz_target!(|data: &[u8]| {
    let Some((&selector, rest)) = data.split_first() else { return };
    let mut file = Vec::new();
    match selector % 5 {
        0 => {}
        1 => {
            file.extend(b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20");
            file.resize(100, 0);
        }
        order @ (2 | 3) => {
            let word =
                |value: u32| if order == 2 { value.to_le_bytes() } else { value.to_be_bytes() };
            file.resize(PAGE, 0);
            file[12..16].copy_from_slice(&word(0x0006_1561));
            file[20..24].copy_from_slice(&word(PAGE as u32));
            file[25] = 8;
        }
        _ => {
            file.extend(b"RpmP");
            file.extend([0_u32, 1, 1].map(u32::to_le_bytes).concat());
            file.resize(32, 0);
            file.extend(b"Slot");
            file.extend([1_u32, 256, 1].map(u32::to_le_bytes).concat());
            file.resize(4096, 0);
            file.extend(b"BlbS");
            file.extend([1_u32, 1, rest.len() as u32].map(u32::to_le_bytes).concat());
        }
    }
    file.extend(rest);
    let contents = Reader::Rpm.read(&file);
    for package in &contents.packages {
        assert!(!package.name.is_empty() && !package.version.is_empty());
        assert!(package.files.iter().all(|file| !file.starts_with('/')));
        package.purl(None);
    }
});
