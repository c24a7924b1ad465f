//! URDF and MJCF.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("robot_model"), |data: &[u8]| etude_fuzz::robot_model(data));
