//! The encoder keeps its promises: one unit per frame, key frames where they are due, the same bytes every time.

use etude_video::annexb::{h264_access_unit, h264_type, inspect_h264, nal_units};
use etude_video::parameter_sets::AvcConfig;
use etude_video::{Codec, EncodeError, H264Encoder, H264Settings, RgbImage};

use crate::scene::{HEIGHT, WIDTH, encoder, picture, rate, take};

#[test]
fn every_frame_is_one_unit_and_every_tenth_a_key() {
    let units = take(&mut encoder(), 0, 35);
    assert_eq!(units.len(), 35);
    for (index, unit) in units.iter().enumerate() {
        assert_eq!(unit.is_key, index % 10 == 0, "frame {index}");
        assert_eq!(unit.codec, Codec::H264);
        let content = inspect_h264(&unit.data);
        assert_eq!((content.pictures, content.has_idr), (1, unit.is_key), "frame {index}");
        assert_eq!((content.has_sps, content.has_pps), (unit.is_key, unit.is_key), "frame {index}");
        assert_eq!(h264_access_unit(unit.data.clone()).as_ref(), Ok(unit));
    }
}

#[test]
fn the_sps_tells_size_and_constrained_baseline() {
    let units = take(&mut encoder(), 0, 1);
    let sps = inspect_h264(&units[0].data).sps.expect("a key unit holds an SPS");
    assert_eq!((sps.width, sps.height, sps.profile), (WIDTH, HEIGHT, 66));
    assert_eq!((sps.chroma_format, sps.bit_depth_luma), (1, 8));
    assert_eq!(sps.constraints & 0x40, 0x40, "constrained baseline");

    let odd = H264Settings::new(642, 482, rate());
    let mut encoder = H264Encoder::new(odd).expect("even sides");
    let unit = encoder.encode(&picture(642, 482, 0).as_frame()).expect("encodes");
    let sps = inspect_h264(&unit.data).sps.expect("a key unit holds an SPS");
    assert_eq!((sps.width, sps.height), (642, 482), "cropping is read");
}

#[test]
fn the_same_frames_give_the_same_bytes() {
    let mut first = encoder();
    let one = take(&mut first, 0, 25);
    let other_take = take(&mut first, 100, 13);
    assert_eq!(take(&mut first, 0, 25), one, "after another take");
    assert_ne!(other_take[0], one[0]);
    assert_eq!(take(&mut encoder(), 0, 25), one, "in a new encoder");
}

#[test]
fn black_still_and_noisy_frames_are_never_skipped() {
    let black = RgbImage::new(WIDTH, HEIGHT, vec![0; (WIDTH * HEIGHT * 3) as usize]).expect("built to size");
    let mut encoder = encoder();
    for index in 0..60u64 {
        let mut seed = index.wrapping_mul(0x2545_f491_4f6c_dd1d) | 1;
        let noise = (0..WIDTH * HEIGHT * 3).map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 56) as u8
        });
        let noise = RgbImage::new(WIDTH, HEIGHT, noise.collect()).expect("built to size");
        let frame = if index < 30 { &black } else { &noise };
        let unit = encoder.encode(&frame.as_frame()).expect("every frame is encoded");
        assert_eq!(inspect_h264(&unit.data).pictures, 1, "frame {index}");
        assert_eq!(unit.is_key, index % 10 == 0, "frame {index}");
    }
}

#[test]
fn a_forced_key_begins_a_group() {
    let mut encoder = encoder();
    let keys: Vec<u64> = (0..25u64)
        .filter(|index| {
            if *index == 4 {
                encoder.force_key();
            }
            encoder.encode(&picture(WIDTH, HEIGHT, *index).as_frame()).expect("encodes").is_key
        })
        .collect();
    assert_eq!(keys, [0, 4, 14, 24]);
}

#[test]
fn unfit_sizes_and_settings_are_refused() {
    for (width, height) in [(161, 128), (160, 8), (3842, 16), (2162, 2162)] {
        let error = H264Encoder::new(H264Settings::new(width, height, rate())).expect_err("unfit");
        assert!(matches!(error, EncodeError::Size { .. }), "{error}");
    }
    let settings = H264Settings { qp: 11, ..H264Settings::new(WIDTH, HEIGHT, rate()) };
    assert!(matches!(H264Encoder::new(settings), Err(EncodeError::Setting { setting: "qp", .. })));
    let error = encoder().encode(&picture(64, 64, 0).as_frame()).expect_err("another size");
    assert_eq!(error.to_string(), "encoder was made for 160x128, got a frame of 64x64");
}

#[test]
fn parameter_sets_go_to_avcc_and_back() {
    let unit = take(&mut encoder(), 0, 1).remove(0);
    let sets = AvcConfig::from_annexb(&unit.data).expect("a key unit holds sets");
    let avcc = sets.to_avcc().expect("sound");
    assert_eq!(AvcConfig::parse(&avcc), Ok(sets.clone()));
    let leading: Vec<u8> = nal_units(&unit.data).map(h264_type).collect();
    assert_eq!(leading, [7, 8, 5], "SPS, PPS, one slice");
    assert!(unit.data.starts_with(&sets.to_annexb()), "sets lead with four-byte start codes");
}
