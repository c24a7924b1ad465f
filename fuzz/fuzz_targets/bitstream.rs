//! Coded video: H.264, H.265, AV1 and their parameter sets.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("bitstream"), |data: &[u8]| etude_fuzz::bitstream(data));
