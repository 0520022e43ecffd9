//! Events of the kernel, state of containers, and policies never panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pavisade_sensor::decode::{Raw, address, normal, tag};
use pavisade_sensor::{Container, Policy, Program, answer, question};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(raw) = Raw::read(bytes) {
        let program = Program::of(&raw);
        let _ = (program.joined(), program.from_memory(), raw.comm());
        for argument in 0..6 {
            let _ = (raw.absolute(argument), raw.address(argument));
            let _ = raw.socket(tag::SOCKET_OF + argument);
        }
        let _ = (raw.path(tag::FILE_RESULT), raw.socket(tag::SOCKET_RESULT), raw.credentials());
        let _ = raw.item(tag::MESSAGE).and_then(question);
        let _ = raw.item(tag::MESSAGE).and_then(answer);
    }
    // So that the fuzzer does not have to guess the header of a message.
    let message = [&[0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], bytes].concat();
    let response = [&[0, 0, 0x80, 0, 0, 1, 0, 9, 0, 0, 0, 0], bytes].concat();
    let _ = (answer(bytes), answer(&response));
    for question in [question(bytes), question(&message)].into_iter().flatten() {
        assert!(!question.name.is_empty() && question.name.is_ascii());
    }
    let _ = address(bytes);
    assert!(normal(bytes).starts_with(b"/"));
    if let Ok(container) = Container::parse("id", bytes) {
        let _ = (container.image_parts(), container.number());
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = Policy::read("policies.yaml", text);
    }
});
