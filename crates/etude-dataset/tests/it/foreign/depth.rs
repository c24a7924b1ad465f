//! Pictures of distances: real ones of a ROS 1 bag, and made ones of ROS 2 and of `xr_teleoperate`.

use super::{assert_said, card, import_at, importer, samples};
use crate::data;
use etude_dataset::foreign::draft::draft;
use etude_dataset::foreign::{Error, Source};
use etude_model::Sample;
use etude_model::sample::DepthImage;
use etude_video::{Grey16, encode_png_grey16};
use serde_json::json;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;

/// `sensor_msgs/msg/Image` as ROS 2 defines it.
const IMAGE: &str = "std_msgs/Header header\nuint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\n\
    uint8[] data\n================================================================================\nMSG: std_msgs/Header\n\
    builtin_interfaces/Time stamp\nstring frame_id\n\
    ================================================================================\nMSG: builtin_interfaces/Time\n\
    int32 sec\nuint32 nanosec\n";

/// A picture of ROS.
struct Picture {
    encoding: &'static str,
    is_big: bool,
    step: u32,
    height: u32,
    width: u32,
    data: Vec<u8>,
}

fn text(out: &mut Vec<u8>, text: &str) {
    word(out, text.len() as u32 + 1);
    out.extend(text.as_bytes());
    out.push(0);
}

/// A number of 32 bits at its place.
fn word(out: &mut Vec<u8>, word: u32) {
    while !out.len().is_multiple_of(4) {
        out.push(0);
    }
    out.extend(word.to_le_bytes());
}

impl Picture {
    fn cdr(&self, number: u32) -> Vec<u8> {
        let mut out = vec![0, 1, 0, 0];
        word(&mut out, 1_700_000_000);
        word(&mut out, number * 33_000_000);
        text(&mut out, "head_depth_optical_frame");
        word(&mut out, self.height);
        word(&mut out, self.width);
        text(&mut out, self.encoding);
        out.push(self.is_big.into());
        word(&mut out, self.step);
        word(&mut out, self.data.len() as u32);
        out.extend(&self.data);
        out
    }
}

/// A recording of ROS 2 with pictures by topic.
fn ros2(path: &Path, topics: &[(&str, Vec<Picture>)]) {
    let file = File::create(path).expect("a file");
    let mut writer =
        mcap::WriteOptions::new().profile("ros2").create(std::io::BufWriter::new(file)).expect("a writer");
    let schema = writer.add_schema("sensor_msgs/msg/Image", "ros2msg", IMAGE.as_bytes()).expect("a schema");
    for (topic, pictures) in topics {
        let channel = writer.add_channel(schema, topic, "cdr", &BTreeMap::new()).expect("a channel");
        for (number, picture) in (0u32..).zip(pictures) {
            let time = 1_000_000_000 + u64::from(number) * 33_000_000;
            let header = mcap::records::MessageHeader {
                channel_id: channel,
                sequence: number,
                log_time: time,
                publish_time: time,
            };
            writer.write_to_known_channel(&header, &picture.cdr(number)).expect("a message");
        }
    }
    writer.finish().expect("a file");
}

fn images(episode: &Path, topic: &str) -> Vec<DepthImage> {
    let image = |sample: Sample| match sample {
        Sample::Depth(image) => image,
        other => panic!("no distances: {other:?}"),
    };
    samples(episode, topic).into_iter().map(|(_, sample)| image(sample)).collect()
}

/// 3 x 2 pixels of 16 bits, rows filled up to 8 bytes.
fn whole(numbers: [u16; 6], is_big: bool) -> Picture {
    let of = |number: &u16| if is_big { number.to_be_bytes() } else { number.to_le_bytes() };
    let rows = numbers.chunks(3).flat_map(|row| [row.iter().flat_map(of).collect(), vec![0xee; 2]].concat());
    Picture { encoding: "16UC1", is_big, step: 8, height: 2, width: 3, data: rows.collect() }
}

/// 16 x 2 pixels in metres.
fn metres(first: [f32; 4]) -> Picture {
    let rest = (4..32u16).map(|number| f32::from(number) / 1000.0);
    let data = first.into_iter().chain(rest).flat_map(f32::to_le_bytes).collect();
    Picture { encoding: "32FC1", is_big: false, step: 64, height: 2, width: 16, data }
}

const ROS: &str = r#"
    schema = 1
    format = "mcap"
    [clock]
    time = "log"
    stamp = "header.stamp"
    [[stream]]
    topic = "/camera/head/depth"
    kind = "depth"
    from = "/head/depth/image_raw"
    frame = "head_depth_optical_frame"
    data = "data"
    format = "16UC1"
    unit = "mm"
    [[stream]]
    topic = "/camera/wrist/depth"
    kind = "depth"
    from = "/wrist/depth/image"
    frame = "wrist"
    data = "data"
    format = "32FC1"
    unit = "m"
"#;

// shows: mcap-ros2msg read-made
#[test]
fn distances_of_ros_come_in_to_the_millimetre_and_their_losses_are_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    let heads = vec![whole([0, 1, 400, 401, 9000, 65_535], false), whole([7, 6, 5, 4, 3, 2], true)];
    let wrists = vec![metres([1.234, 0.0, 0.001, 3.0]), metres([0.5004, f32::NAN, 70.0, f32::INFINITY])];
    ros2(&path, &[("/head/depth/image_raw", heads), ("/wrist/depth/image", wrists)]);
    let importer = importer(&path, ROS, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let heads = images(&episode, "/camera/head/depth");
    assert_eq!((heads[0].width, heads[0].height), (3, 2));
    assert_eq!(heads[0].depth_mm[..], [0, 1, 400, 401, 9000, 65_535]);
    assert_eq!(heads[1].depth_mm[..], [7, 6, 5, 4, 3, 2]);
    let wrists = images(&episode, "/camera/wrist/depth");
    assert_eq!(wrists[0].depth_mm[..5], [1234, 0, 1, 3000, 4]);
    assert_eq!(wrists[1].depth_mm[..4], [500, 0, 0, 0]);
    let said = ["/camera/wrist/depth", "1 distances were rounded to whole mm, by 0.400 mm at most"];
    assert_said(&imported.problems, true, &said);
    assert_said(&imported.problems, true, &["1 distances do not fit into 1 to 65535 mm"]);
    assert_said(&imported.problems, false, &["2 distances are none (NaN, infinite or negative)"]);
    assert!(
        !imported.problems.iter().any(|problem| problem.to_string().contains("/camera/head/depth")),
        "{:?}",
        imported.problems
    );
    let stamp = samples(&episode, "/camera/head/depth")[1].0;
    assert_eq!(stamp.log.ns(), 1_033_000_000);
    assert_eq!(stamp.device.map(etude_model::DeviceTime::ns), Some(1_700_000_000_033_000_000));
}

#[test]
fn the_unit_of_distances_is_asked_and_never_guessed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    ros2(
        &path,
        &[
            ("/head/depth/image_raw", vec![whole([1; 6], false)]),
            ("/wrist/depth/image", vec![metres([1.0; 4])]),
        ],
    );
    for (from, to, question) in [
        ("    unit = \"mm\"\n", "", "in which unit are the distances in data"),
        ("unit = \"mm\"", "unit = \"cm\"", "Expected mm or m, found cm"),
        (
            "format = \"16UC1\"",
            "format = \"jpeg\"",
            "JPEG is lossy and of 8 bits, and no measure of distance",
        ),
        ("unit = \"mm\"", "unit = \"mm\"\nscale = 0.0", "expected a scale above 0"),
        ("kind = \"depth\"", "kind = \"video\"", "found `unit`: what is it to this kind?"),
    ] {
        let mapping = ROS.replacen(from, to, 1);
        assert_ne!(mapping, ROS, "{question}");
        let refused = importer(&path, &mapping, &card("franka_panda"))
            .expect("a source")
            .import(0, &folder.path().join("x.mcap"))
            .expect_err("a question")
            .to_string();
        assert!(refused.contains(question), "{question} in {refused}");
    }
    // Numbers that count a quarter of a millimetre each.
    let quarters = ROS.replacen("unit = \"mm\"", "unit = \"mm\"\nscale = 0.25", 1);
    let wide = vec![whole([4, 8, 5, 0, 40, 4000], false)];
    ros2(&path, &[("/head/depth/image_raw", wide), ("/wrist/depth/image", vec![metres([1.0; 4])])]);
    let importer = importer(&path, &quarters, &card("franka_panda")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(images(&episode, "/camera/head/depth")[0].depth_mm[..], [1, 2, 1, 0, 10, 1000]);
    assert_said(&imported.problems, true, &["/camera/head/depth", "1 distances were rounded", "0.250 mm"]);
}

#[test]
fn a_draft_shows_what_the_distances_are_and_asks_for_their_unit() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a.mcap");
    let wide = || {
        let data = (0..64u16).flat_map(u16::to_le_bytes).collect();
        Picture { encoding: "mono16", is_big: false, step: 32, height: 4, width: 16, data }
    };
    ros2(&path, &[("/head/depth/image_raw", vec![wide()]), ("/wrist/depth/image", vec![metres([1.0; 4])])]);
    let text = draft(&Source::open(&path, None).expect("a source"), &card("franka_panda")).expect("a draft");
    for words in [
        "kind = \"depth\"\nfrom = \"/head/depth/image_raw\"\nframe = \"head_depth_optical_frame\"\ndata = \"data\"\nformat = \
         \"16UC1\"\nunit = \"? mm or m",
        "format = \"32FC1\"\nunit = \"? mm or m",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    // With the unit answered, and nothing else, it imports.
    let answered = text
        .lines()
        .map(|line| match line.strip_prefix("unit = \"?") {
            Some(_) => "unit = \"mm\"",
            None if line.starts_with("about") => "about = \"a test\"",
            None if line.starts_with("instruction") => "",
            None => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    let importer = importer(&path, &answered, &card("franka_panda"))
        .unwrap_or_else(|error| panic!("{error}\n{answered}"));
    let (episode, imported) = import_at(&importer, 0, folder.path());
    assert_eq!(images(&episode, "/camera/head_depth_image_raw/depth")[0].depth_mm[63], 63);
    let lost: Vec<String> =
        imported.problems.iter().filter(|problem| problem.loss).map(ToString::to_string).collect();
    // Metres taken for millimetres are seen at once.
    assert!(lost.len() == 1 && lost[0].contains("28 distances do not fit"), "{lost:?}");
}

// shows: rosbag1 read-real
#[test]
fn real_distances_that_ros_compressed_come_in_as_they_are() {
    let Some(root) = data("teleop_centre_mcap") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let bag = root.join("robocodec_test_18.bag");
    let robot = card("leju_kuavo_s45");
    let text = draft(&Source::open(&bag, None).expect("a source"), &robot).expect("a draft");
    let seen = "16UC1; compressedDepth png\"; PNG of 848 x 480 pixels, 16 bits of grey; the first: 0..";
    assert!(
        text.contains(seen) && text.contains("format = \"compressedDepth\"\nunit = \"? mm or m"),
        "{text}"
    );
    let mapping = "schema = 1\nformat = \"rosbag1\"\n[clock]\ntime = \"log\"\nstamp = \"header.stamp\"\n[[stream]]\n\
                   topic = \"/camera/cam_h/depth\"\nkind = \"depth\"\nfrom = \"/cam_h/depth/image_raw/compressedDepth\"\n\
                   frame = \"cam_h_color_optical_frame\"\ndata = \"data\"\nformat = \"compressedDepth\"\nunit = \"mm\"\n";
    let importer = importer(&bag, mapping, &robot).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let images = images(&episode, "/camera/cam_h/depth");
    assert_eq!((images.len(), images[0].width, images[0].height), (1, 848, 480));
    let near = images[0].depth_mm.iter().filter(|mm| (200..10_000).contains(*mm)).count();
    assert!(near > 848 * 480 / 4, "{near}");
    assert!(
        !imported.problems.iter().any(|problem| problem.loss
            && problem.subject.contains("compressedDepth")
            && problem.subject.contains("cam_h")),
        "{:?}",
        imported.problems
    );
}

/// An episode of `xr_teleoperate` with one camera of distances.
fn xr(folder: &Path, end: &str, pictures: &[Vec<u8>]) {
    fs::create_dir_all(folder.join("depths")).expect("a folder");
    let path = |number: usize| format!("depths/{number:06}_depth_0.{end}");
    for (number, picture) in pictures.iter().enumerate() {
        fs::write(folder.join(path(number)), picture).expect("a picture");
    }
    let frames: Vec<_> = (0..pictures.len())
        .map(|number| json!({"idx": number, "depths": {"depth_0": path(number)}}))
        .collect();
    let json = json!({"info": {"image": {"fps": 30.0}, "depth": {"fps": 30.0}}, "text": {"goal": "Pick"}, "data": frames});
    fs::write(folder.join("data.json"), json.to_string()).expect("a file");
}

const XR: &str = "schema = 1\nformat = \"xr_teleoperate\"\n[clock]\ntime = \"rate\"\n[[stream]]\ntopic = \"/camera/head/depth\"\n\
                  kind = \"depth\"\nfrom = \"depths/depth_0\"\nframe = \"head\"\ndata = \"data\"\nformat = \"png\"\nunit = \"mm\"\n";

// shows: xr-teleoperate read-made
#[test]
fn distances_of_xr_teleoperate_come_in_where_they_are_some() {
    let folder = tempfile::tempdir().expect("a folder");
    let (png, jpeg) = (folder.path().join("png"), folder.path().join("jpeg"));
    let grey = |first: u16| Grey16 { width: 20, height: 10, data: (0..200).map(|at| first + at).collect() };
    let pictures: Vec<Vec<u8>> =
        [0, 900].map(|first| encode_png_grey16(&grey(first)).expect("a picture")).into();
    xr(&png, "png", &pictures);
    let importer = importer(&png, XR, &card("unitree_g1_inspire")).expect("a source");
    let (episode, imported) = import_at(&importer, 0, folder.path());
    let images = images(&episode, "/camera/head/depth");
    assert_eq!((images.len(), images[1].depth_mm[..].to_vec()), (2, grey(900).data));
    assert!(
        imported.problems.iter().all(|problem| !problem.loss || problem.subject == "frame"),
        "{:?}",
        imported.problems
    );

    // Its own writer makes JPEG pictures of them, which are no measure.
    xr(&jpeg, "jpg", &[[&b"\xff\xd8\xff\xe0"[..], &[0; 200]].concat()]);
    let importer = super::importer(&jpeg, XR, &card("unitree_g1_inspire")).expect("a source");
    let (_, imported) = import_at(&importer, 0, &jpeg);
    assert_said(&imported.problems, true, &["1 of 1 messages are no sample of it", "found a JPEG picture"]);
    let refused = super::importer(&jpeg, &XR.replace("\"png\"", "\"jpeg\""), &card("unitree_g1_inspire"))
        .expect("a source")
        .import(0, &folder.path().join("x.mcap"));
    assert!(matches!(refused, Err(Error::Questions { .. })));
    let source = Source::open(&jpeg, None).expect("a source");
    let text = draft(&source, &card("unitree_g1_inspire")).expect("a draft");
    assert!(text.contains("? JPEG pictures of distances: lossy, of 8 bits and no measure"), "{text}");
}
