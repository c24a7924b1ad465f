//! RLDS episodes in `TFRecord` files.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("rlds"), |data: &[u8]| etude_fuzz::rlds(data));
