//! ROS 1 bags.
#![no_main]

libfuzzer_sys::fuzz_target!(init: etude_fuzz::seeds::lay("rosbag1"), |data: &[u8]| etude_fuzz::one_file(data, "made.bag"));
