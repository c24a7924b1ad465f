//! A small moving scene with texture and noise, the same in every run.

use etude_video::{AccessUnit, FrameRate, H264Encoder, H264Settings, RgbImage};

/// Pixels per row of the scene.
pub(crate) const WIDTH: u32 = 160;
/// Rows of the scene.
pub(crate) const HEIGHT: u32 = 128;

/// 30 frames per second.
pub(crate) fn rate() -> FrameRate {
    FrameRate::from_hz(30).expect("above zero")
}

/// Frame `index`: a gradient with noise, over which a bright square moves.
pub(crate) fn picture(width: u32, height: u32, index: u64) -> RgbImage {
    let mut state = 0x9e37_79b9_7f4a_7c15u64 ^ index;
    let mut noise = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 60) as u32
    };
    let (left, top) = ((index as u32 * 3) % (width - 24), (index as u32 * 2) % (height - 24));
    let mut data = Vec::with_capacity(width as usize * height as usize * 3);
    for y in 0..height {
        for x in 0..width {
            let inside = (left..left + 24).contains(&x) && (top..top + 24).contains(&y);
            let grain = noise();
            let base = if inside { [230, 210, 40] } else { [x * 160 / width, y * 160 / height, 90] };
            data.extend(base.map(|value| (value + grain).min(255) as u8));
        }
    }
    RgbImage::new(width, height, data).expect("built to size")
}

/// An encoder for the scene.
pub(crate) fn encoder() -> H264Encoder {
    H264Encoder::new(H264Settings::new(WIDTH, HEIGHT, rate())).expect("sound settings")
}

/// `count` frames of a take that begins at frame `first` of the scene.
pub(crate) fn take(encoder: &mut H264Encoder, first: u64, count: u64) -> Vec<AccessUnit> {
    encoder.restart().expect("restarts");
    let frames = (first..first + count).map(|index| picture(WIDTH, HEIGHT, index));
    frames.map(|frame| encoder.encode(&frame.as_frame()).expect("encodes")).collect()
}
