//! Mappings.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("mapping"), |data: &[u8]| etude_fuzz::mapping(data));
