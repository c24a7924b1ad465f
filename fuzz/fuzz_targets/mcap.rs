//! MCAP files.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("mcap"), |data: &[u8]| etude_fuzz::one_file(data, "made.mcap"));
