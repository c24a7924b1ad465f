//! Rule sets and releases.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("rules"), |data: &[u8]| etude_fuzz::rules(data));
