//! CPU time per frame: the bundled encoder against x264, each from RGB, then what reading costs; asserts nothing.
//!
//! `cargo bench -p etude-video` encodes the frames of the video named by `ETUDE_BENCH_VIDEO`, or a synthetic scene.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::cell::RefCell;
use std::fs;
use std::hint::black_box;
use std::path::Path;

use etude_video::{
    Codec, FrameRate, FrameReader, H264Encoder, H264Settings, Mp4Reader, Mp4Writer, RgbImage, StillStats,
    VideoTrack,
};
use ffmpeg::format::Pixel;
use ffmpeg::{codec, encoder, frame};
use ffmpeg_next as ffmpeg;
use yuv::{BufferStoreMut, YuvConversionMode, YuvPlanarImageMut, YuvRange, YuvStandardMatrix};

const FRAMES: usize = 200;
const ROUNDS: usize = 3;

fn main() {
    let frames = frames();
    let (width, height) = (frames[0].width(), frames[0].height());
    println!("{} frames of {width}x{height}, {ROUNDS} rounds, CPU ms per frame and kB in all", frames.len());
    let mut own = (0.0, 0);
    let mut other = (0.0, 0);
    for _ in 0..ROUNDS {
        let (ms, bytes) = timed(frames.len(), || openh264(&frames));
        own = (own.0 + ms / ROUNDS as f64, bytes);
        let (ms, bytes) = timed(frames.len(), || x264(&frames));
        other = (other.0 + ms / ROUNDS as f64, bytes);
    }
    println!("OpenH264 QP 20, group 10        {:6.2} ms {:7} kB", own.0, own.1 / 1000);
    println!("x264 veryfast CRF 20, group 10  {:6.2} ms {:7} kB", other.0, other.1 / 1000);
    println!("ratio                           {:6.2}", own.0 / other.0);
    let (ms, _) = timed(frames.len(), || {
        frames
            .iter()
            .map(|frame| black_box(StillStats::of_rgb(&frame.as_frame())).exact_hash as usize & 1)
            .sum()
    });
    println!("still measures from RGB         {ms:6.2} ms");
    reading(&frames);
}

/// What copying, decoding and measuring cost, per frame of the file.
fn reading(frames: &[RgbImage]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("take.mp4");
    let (width, height) = (frames[0].width(), frames[0].height());
    let mut encoder = H264Encoder::new(H264Settings::new(width, height, rate())).expect("sound settings");
    let units: Vec<_> =
        frames.iter().map(|frame| encoder.encode(&frame.as_frame()).expect("encodes")).collect();
    let write = |path: &Path| {
        let track = VideoTrack::new(Codec::H264, width, height, rate());
        let mut writer = Mp4Writer::create(path, track).expect("creates");
        for (index, unit) in units.iter().enumerate() {
            writer.push(unit, index as u64).expect("takes the unit");
        }
        writer.finish().expect("finishes").frames as usize
    };
    write(&path);
    let many = 20;
    let repeat = |work: &dyn Fn() -> usize| timed(frames.len() * many, || (0..many).map(|_| work()).sum()).0;
    let copy = folder.path().join("copy.mp4");
    println!("write MP4                       {:6.3} ms", repeat(&|| write(&copy)));
    println!(
        "read packets                    {:6.3} ms",
        repeat(&|| Mp4Reader::open(&path).expect("opens").count())
    );
    let decode = || FrameReader::open(&path).expect("opens").count();
    println!("decode                          {:6.3} ms", repeat(&decode));
    let keys = || FrameReader::open_key_frames(&path).expect("opens").count();
    println!("decode key frames alone         {:6.3} ms", repeat(&keys));
    let measured = || {
        let frames = FrameReader::open_key_frames(&path).expect("opens");
        frames.filter(|frame| frame.as_ref().is_ok_and(|frame| frame.stats().is_ok())).count()
    };
    println!("measure key frames alone        {:6.3} ms", repeat(&measured));
    let reader = RefCell::new(FrameReader::open(&path).expect("opens"));
    let random = || {
        let numbers = (0..frames.len() as u64).map(|k| k * 7919 % frames.len() as u64);
        numbers.filter(|k| reader.borrow_mut().frame_at(*k).is_ok_and(|frame| frame.to_rgb().is_ok())).count()
    };
    println!("random frame to RGB             {:6.3} ms", timed(frames.len(), random).0);
}

fn frames() -> Vec<RgbImage> {
    if let Some(path) = std::env::var_os("ETUDE_BENCH_VIDEO") {
        let reader = FrameReader::open(path).expect("ETUDE_BENCH_VIDEO names a video");
        return reader
            .take(FRAMES)
            .map(|frame| frame.expect("decodes").to_rgb().expect("converts"))
            .collect();
    }
    (0..FRAMES as u32).map(scene).collect()
}

/// A gradient with noise, over which a square moves.
fn scene(index: u32) -> RgbImage {
    let mut state = 0x9e37_79b9_7f4a_7c15u64 ^ u64::from(index);
    let mut data = Vec::with_capacity(640 * 480 * 3);
    for y in 0..480u32 {
        for x in 0..640u32 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let grain = (state >> 61) as u32;
            let inside = (index..index + 90).contains(&x) && (index..index + 90).contains(&y);
            let base = if inside { [230, 200, 40] } else { [x / 4, y / 3, 90] };
            data.extend(base.map(|value| (value + grain).min(255) as u8));
        }
    }
    RgbImage::new(640, 480, data).expect("built to size")
}

/// CPU milliseconds per frame of this process over `work`, and what it returned.
fn timed(frames: usize, work: impl FnOnce() -> usize) -> (f64, usize) {
    let before = cpu_ms();
    let result = work();
    ((cpu_ms() - before) / frames as f64, result)
}

/// User and system time of all threads, from the kernel's table; its tick is 10 ms.
fn cpu_ms() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("Linux tells CPU time in /proc");
    let fields = stat.rsplit(") ").next().expect("the process name ends with a parenthesis");
    let ticks: f64 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|field| field.parse::<f64>().expect("a number of ticks"))
        .sum();
    ticks * 10.0
}

fn rate() -> FrameRate {
    FrameRate::from_hz(30).expect("above zero")
}

fn openh264(frames: &[RgbImage]) -> usize {
    let settings = H264Settings::new(frames[0].width(), frames[0].height(), rate());
    let mut encoder = H264Encoder::new(settings).expect("sound settings");
    frames.iter().map(|frame| encoder.encode(&frame.as_frame()).expect("encodes").data.len()).sum()
}

fn x264(frames: &[RgbImage]) -> usize {
    let (width, height) = (frames[0].width(), frames[0].height());
    let codec = encoder::find_by_name("libx264").expect("this FFmpeg has x264");
    let mut video = codec::Context::new_with_codec(codec).encoder().video().expect("a video encoder");
    video.set_width(width);
    video.set_height(height);
    video.set_format(Pixel::YUV420P);
    video.set_time_base((1, 30));
    video.set_gop(10);
    video.set_max_b_frames(0);
    video.set_flags(codec::Flags::CLOSED_GOP);
    let options = [("preset", "veryfast"), ("crf", "20"), ("tune", "fastdecode"), ("threads", "1")];
    let mut encoder = video.open_as_with(codec, options.iter().collect()).expect("opens");
    let mut bytes = 0;
    let mut packet = ffmpeg::Packet::empty();
    for (index, rgb) in frames.iter().enumerate() {
        let mut picture = to_yuv(rgb);
        picture.set_pts(Some(index as i64));
        encoder.send_frame(&picture).expect("takes the frame");
        while encoder.receive_packet(&mut packet).is_ok() {
            bytes += packet.size();
        }
    }
    encoder.send_eof().expect("ends");
    while encoder.receive_packet(&mut packet).is_ok() {
        bytes += packet.size();
    }
    bytes
}

fn to_yuv(rgb: &RgbImage) -> frame::Video {
    let (width, height) = (rgb.width(), rgb.height());
    let mut picture = frame::Video::new(Pixel::YUV420P, width, height);
    let strides: [u32; 3] = std::array::from_fn(|plane| picture.stride(plane) as u32);
    let mut planes: [Vec<u8>; 3] = std::array::from_fn(|plane| vec![0; picture.data(plane).len()]);
    let [y, u, v] = &mut planes;
    let mut image = YuvPlanarImageMut {
        y_plane: BufferStoreMut::Borrowed(y),
        y_stride: strides[0],
        u_plane: BufferStoreMut::Borrowed(u),
        u_stride: strides[1],
        v_plane: BufferStoreMut::Borrowed(v),
        v_stride: strides[2],
        width,
        height,
    };
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    yuv::rgb_to_yuv420(&mut image, rgb.data(), width * 3, range, matrix, YuvConversionMode::Balanced)
        .expect("planes fit the picture");
    for (plane, data) in planes.iter().enumerate() {
        picture.data_mut(plane).copy_from_slice(data);
    }
    picture
}
