//! Tables of text, read and imported as an input itself says.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("table"), |data: &[u8]| etude_fuzz::table(data));
