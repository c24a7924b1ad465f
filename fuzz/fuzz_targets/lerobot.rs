//! LeRobot datasets.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("lerobot"), |data: &[u8]| etude_fuzz::lerobot(data));
