//! Whatever bytes come in, the bitstream tools neither panic nor lose a byte that they accept.

use etude_video::annexb::{
    h264_access_unit, h265_access_unit, inspect_h264, inspect_h265, nal_units, split_length_prefixed,
    to_annexb, to_length_prefixed,
};
use etude_video::parameter_sets::{AvcConfig, HevcConfig, av1_config_units};
use etude_video::{obu, sps};
use proptest::collection::vec;
use proptest::prelude::*;

/// Bytes with many zeros and ones, so that start codes are frequent.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(
        prop_oneof![4 => Just(0u8), 2 => Just(1u8), 1 => Just(0x67u8), 1 => Just(0x65u8), 3 => any::<u8>()],
        0..300,
    )
}

/// A NAL unit that a byte stream can hold: no start code inside, no zero at its end.
fn nal() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![Just(0x67u8), 2u8..=255], 1..60)
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_survived(data in stream()) {
        inspect_h264(&data);
        inspect_h265(&data);
        let _ = h264_access_unit(data.clone());
        let _ = h265_access_unit(data.clone());
        let _ = sps::parse(&data);
        let _ = sps::parse(&[&[0x67, 100, 0, 30], data.as_slice()].concat());
        let _ = AvcConfig::parse(&[&[1], data.as_slice()].concat());
        let _ = HevcConfig::parse(&data);
        let _ = AvcConfig::from_annexb(&data).map(|config| config.to_avcc());
        let _ = av1_config_units(&data);
        for size in 1..=4 {
            let _ = split_length_prefixed(&data, size);
        }
        if let Ok(units) = obu::split(&data) {
            prop_assert_eq!(units.iter().map(|unit| unit.bytes.len()).sum::<usize>(), data.len());
            let sized = obu::to_low_overhead(data.clone()).expect("split before");
            prop_assert_eq!(obu::split(&sized).expect("ours").len(), units.len());
        }
    }

    #[test]
    fn splitting_a_stream_twice_gives_the_same_units(data in stream()) {
        let nals: Vec<Vec<u8>> = nal_units(&data).map(<[u8]>::to_vec).collect();
        let again = to_annexb(nals.iter().map(Vec::as_slice));
        prop_assert_eq!(nal_units(&again).map(<[u8]>::to_vec).collect::<Vec<_>>(), nals);
    }

    #[test]
    fn nal_units_survive_both_forms(nals in vec(nal(), 0..8)) {
        let slices = || nals.iter().map(Vec::as_slice);
        let stream = to_annexb(slices());
        prop_assert_eq!(nal_units(&stream).collect::<Vec<_>>(), slices().collect::<Vec<_>>());
        let sample = to_length_prefixed(slices()).expect("short units");
        prop_assert_eq!(split_length_prefixed(&sample, 4).expect("ours"), slices().collect::<Vec<_>>());
    }
}
