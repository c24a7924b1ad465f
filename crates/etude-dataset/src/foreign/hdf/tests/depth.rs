//! Pictures of distances beside numbers, as `AgiBot` World and `RoboMIND` keep them.

use super::*;
use crate::foreign::draft;
use etude_model::sample::DepthImage;
use etude_video::{Grey16, encode_png_grey16};

fn grey(row: usize) -> Grey16 {
    let data = (0..16 * 12).map(|pixel| (pixel * 5 + row * 100) as u16).collect();
    Grey16 { width: 16, height: 12, data }
}

fn coded(row: usize) -> Vec<u8> {
    encode_png_grey16(&grey(row)).expect("a picture")
}

fn images(episode: &Episodes, topic: &str) -> Vec<(i64, DepthImage)> {
    let image = |sample| if let Sample::Depth(image) = sample { image } else { panic!("no distances") };
    episode.samples(topic).into_iter().map(|(ns, sample)| (ns, image(sample))).collect()
}

fn stream(from: &str, to: &str, format: &str, unit: &str) -> String {
    format!(
        "[[stream]]\ntopic = \"{to}\"\nkind = \"depth\"\nfrom = \"{from}\"\nframe = \"camera\"\ndata = \"data\"\nformat = \
         \"{format}\"\nunit = \"{unit}\"\n"
    )
}

// shows: agibot read-made
#[test]
fn distances_of_agibot_world_come_in_by_their_frame_and_its_time() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path();
    let times = agibot(root);
    let depth = root.join("observations/327/648642/depth");
    fs::create_dir_all(&depth).expect("a folder");
    // The frame 5 is missing, the frame 7 is cut, and 40 lies behind the end.
    for row in (0..ROWS).filter(|row| *row != 5).chain([40]) {
        let bytes = coded(row);
        let bytes = if row == 7 { &bytes[..bytes.len() / 2] } else { &bytes };
        fs::write(depth.join(format!("head_depth_{row:06}.png")), bytes).expect("a picture");
    }
    fs::write(depth.join("notes.txt"), "x").expect("a file");
    let mapping = format!(
        "schema = 1\nformat = \"agibot_world\"\n[clock]\ntime = \"log\"\n{}",
        stream("depth/head_depth", "/camera/head/depth", "png", "mm")
    );
    let episode = Episodes::import(root, &mapping, "franka_panda").expect("an episode");
    let images = images(&episode, "/camera/head/depth");
    assert_eq!(images.iter().map(|(ns, _)| *ns).collect::<Vec<_>>(), {
        let there = (0..ROWS).filter(|row| ![5, 7].contains(row));
        there.map(|row| times[row]).collect::<Vec<_>>()
    });
    assert_eq!(images[5].1.depth_mm[..], grey(6).data[..]);
    let gaps = Episode::open(&episode.path).expect("an episode").gaps().expect("gaps");
    assert_eq!(gaps.iter().map(|gap| gap.missing).sum::<u64>(), 3);
    let losses = episode.losses();
    for words in [
        "depth/head_depth: 1 of 13 messages cannot be read: the picture is not there",
        "1 picture of frames beyond the 12 rows have no time",
        "depth/notes.txt: it is left out: it is no numbered picture of a camera",
        "/camera/head/depth from depth/head_depth: 2 of 13 messages are no sample of it: expected a PNG picture of 16 bits",
    ] {
        assert!(losses.iter().any(|line| line.contains(words)), "{words} in {losses:#?}");
    }
}

// shows: robomind read-made
#[test]
fn distances_of_robomind_come_in_coded_and_raw() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("h5_franka_3rgb/pick/success_episodes/train/a/data/trajectory.hdf5");
    let raw = (0..ROWS).flat_map(|row| grey(row).data).collect();
    let metres = (0..ROWS).flat_map(|row| grey(row).data).map(|mm| f32::from(mm) / 1000.0).collect();
    let rows = ROWS as u64;
    let datasets = vec![
        ("master/joint_position", columns(0, 8)),
        ("puppet/joint_position", columns(1, 9)),
        ("observations/depth_images/camera_left", Made::Coded((0..ROWS).map(coded).collect())),
        ("observations/depth_images/camera_right", Made::Depths(vec![rows, 12, 16], raw)),
        ("observations/depth_images/camera_top", Made::Floats(vec![rows, 12, 16, 1], metres)),
        // Taxels are no picture.
        ("touch/grid", Made::Depths(vec![rows, 4, 4], vec![3; ROWS * 16])),
    ];
    file(&path, datasets, &[]);
    let source = Source::open(&path, None).expect("a source");
    let text = draft(&source, &card("franka_panda")).expect("a draft");
    for words in [
        "PNG of 16 x 12 pixels, 16 bits of grey; the first: 0..955, 0 % are 0",
        "from = \"observations/depth_images/camera_left\"\nframe = \"? in which frame?\"\ndata = \"data\"\nformat = \"png\"",
        "from = \"observations/depth_images/camera_right\"\nframe = \"? in which frame?\"\ndata = \"data\"\nformat = \"16UC1\"",
        "from = \"observations/depth_images/camera_top\"\nframe = \"? in which frame?\"\ndata = \"data\"\nformat = \"32FC1\"",
    ] {
        assert!(text.contains(words), "{words} in {text}");
    }
    let from = |camera: &str| format!("observations/depth_images/{camera}");
    let mapping = [
        "schema = 1\nformat = \"robomind\"\n[clock]\ntime = \"rate\"\nrate_hz = 30\n".to_owned(),
        stream(&from("camera_left"), "/camera/left/depth", "png", "mm"),
        stream(&from("camera_right"), "/camera/right/depth", "16UC1", "mm"),
        stream(&from("camera_top"), "/camera/top/depth", "32FC1", "m"),
        "[[stream]]\ntopic = \"/robot/tactile/left\"\nkind = \"tactile\"\nfrom = \"touch\"\nrows = 4\ncolumns = 4\n\
         values = { field = \"grid\", unit = \"unknown\" }\n"
            .to_owned(),
    ]
    .concat();
    let episode = Episodes::import(&path, &mapping, "franka_panda").expect("an episode");
    for camera in ["left", "right", "top"] {
        let images = images(&episode, &format!("/camera/{camera}/depth"));
        assert_eq!(images.len(), ROWS);
        for (row, (_, image)) in images.iter().enumerate() {
            assert_eq!((image.width, image.height), (16, 12));
            assert_eq!(image.depth_mm[..], grey(row).data[..], "{camera} {row}");
        }
    }
    assert_eq!(episode.samples("/robot/tactile/left").len(), ROWS);
    assert!(episode.losses().iter().all(|line| !line.contains("depth")), "{:?}", episode.losses());
}
