//! SQLite files of rosbag2.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("rosbag2"), |data: &[u8]| etude_fuzz::one_file(data, "made_0.db3"));
