//! Seeds that are text, or are put together from text.

use crate::members::join;
use std::fs;
use std::path::{Path, PathBuf};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the repository")
}

fn collect(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, ending, found);
        } else if path.extension().is_some_and(|end| end == ending) {
            found.push(path);
        }
    }
}

/// The repository's own files of an ending.
pub(super) fn below(folder: &str, ending: &str) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    collect(&repository().join(folder), ending, &mut found);
    found.sort();
    found.into_iter().map(|path| fs::read(path).expect("a file of the repository")).collect()
}

pub(super) fn aframe() -> Vec<Vec<u8>> {
    let whole = r#"{"camera":{"poses":[
        {"position":{"x":0,"y":1.6,"z":0},"rotation":{"x":0,"y":90,"z":-10.5},"timestamp":10.5},
        {"position":{"x":0.1,"y":1.6,"z":0},"rotation":{"x":1,"y":91,"z":-10},"timestamp":21}],"events":[]},
        "rightController":{"poses":[{"position":{"x":0,"y":1,"z":0},"rotation":{"x":0,"y":0,"z":0},"timestamp":11}],
        "events":[{"name":"axismove","detail":{"axis":[0.5,-1]},"timestamp":12},
        {"name":"buttondown","detail":{"id":1,"state":{"pressed":true,"value":1}},"timestamp":13}]}}"#;
    vec![whole.into(), whole[..whole.len() / 2].into()]
}

pub(super) fn bvh() -> Vec<Vec<u8>> {
    let whole = "HIERARCHY\nROOT Hips\n{\n\tOFFSET 0 0 0\n\tCHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation \
                 Yrotation\n\tJOINT Spine\n\t{\n\t\tOFFSET 0 5.2 0\n\t\tCHANNELS 3 Zrotation Xrotation Yrotation\n\t\tEnd \
                 Site\n\t\t{\n\t\t\tOFFSET 0 1 0\n\t\t}\n\t}\n}\nMOTION\nFrames: 2\nFrame Time: 0.0333333\n\
                 0 90 0 1 2 3 4 5 6\n0.5 90 0 -1 2e1 3 4 5 6.25\n";
    vec![whole.into(), whole[..whole.len() - 9].into()]
}

/// A model of each format, with a mesh beside it, and the repository's scenes.
pub(super) fn robot_models() -> Vec<Vec<u8>> {
    let urdf = r#"<robot name="r"><link name="base"><inertial><mass value="1"/><origin xyz="0 0 0.1"/>
        <inertia ixx="0.1" ixy="0" ixz="0" iyy="0.1" iyz="0" izz="0.1"/></inertial>
        <collision><geometry><mesh filename="package://r/a.stl" scale="0.001 0.001 0.001"/></geometry></collision></link>
        <link name="arm"><collision><origin xyz="0 0 0.2" rpy="0 1.5 0"/><geometry><cylinder radius="0.05" length="0.4"/>
        </geometry></collision></link><link name="tip"><collision><geometry><box size="0.1 0.1 0.2"/></geometry></collision>
        </link><joint name="elbow" type="revolute"><parent link="base"/><child link="arm"/><origin xyz="0 0 0.3" rpy="0 0 1"/>
        <axis xyz="0 1 0"/><limit lower="-2" upper="2" effort="10" velocity="3"/></joint>
        <joint name="finger" type="prismatic"><parent link="arm"/><child link="tip"/><axis xyz="1 0 0"/>
        <limit lower="0" upper="0.04" effort="1" velocity="1"/><mimic joint="elbow" multiplier="0.5" offset="0.1"/></joint>
        </robot>"#;
    let mjcf = r#"<mujoco model="m"><compiler angle="degree" meshdir="."/><default><default class="f"><joint damping="1"/>
        <geom type="capsule" size="0.02 0.1"/></default></default><asset><mesh name="a" file="a.obj" scale="1 1 1"/></asset>
        <worldbody><body name="base" pos="0 0 1"><freejoint/><geom type="mesh" mesh="a"/><site name="s" pos="0 0 0.1"/>
        <body name="arm" quat="1 0 0 0"><joint name="elbow" axis="0 1 0" range="-90 90"/><geom class="f"/>
        <body name="tip" euler="0 90 0"><joint name="finger" type="slide" axis="1 0 0"/><geom type="sphere" size="0.05"/>
        </body></body></body></worldbody><contact><exclude body1="base" body2="arm"/></contact>
        <equality><joint joint1="finger" joint2="elbow" polycoef="0 0.5 0 0 0"/><connect body1="tip" body2="base" anchor="0 0 0"/>
        </equality><tendon><fixed name="t"><joint joint="finger" coef="1"/></fixed></tendon>
        <actuator><position name="p" joint="elbow" kp="10"/><motor tendon="t"/></actuator>
        <keyframe><key name="home" qpos="0 0 1 1 0 0 0 0.5 0.1"/></keyframe></mujoco>"#;
    let mut stl = vec![b's'; 80];
    stl.extend(2u32.to_le_bytes());
    for triangle in [[0.0f32, 1.0, 2.0], [3.0, 5.0, 4.0]] {
        let corners = triangle.iter().flat_map(|at| [*at, at * at, 1.0 - at]);
        stl.extend([0; 12]);
        stl.extend(corners.flat_map(f32::to_le_bytes));
        stl.extend([0; 2]);
    }
    let obj = b"o a\nv 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1.5\nf 1 2 3\n";
    let beside =
        |model: &str, name: &str, mesh: &[u8]| [model.as_bytes(), b"\n%\n", &join([(name, mesh)])].concat();
    let included = r#"<mujoco><include file="more.xml"/></mujoco>"#;
    let mut all = vec![
        beside(urdf, "a.stl", &stl),
        beside(mjcf, "a.obj", obj),
        beside(included, "more.xml", mjcf.as_bytes()),
    ];
    all.extend(below("scenes", "xml").into_iter().filter(|scene| scene.len() < 20_000));
    all
}

/// Rule sets, and a release of one episode.
pub(super) fn rules() -> Vec<Vec<u8>> {
    let mut all = below("crates/etude-inspect/rules", "toml");
    let digest = "0".repeat(64);
    all.push(
        format!(
            r#"{{"format": 1, "name": "made", "query": "task=lift", "parents": [], "episodes": [{{"digest": "{digest}",
            "episode": "e", "file": "a/b.mcap", "task": "lift", "embodiment": "Maker Fuzz", "card": "{digest}",
            "origin": "simulated", "duration_us": 10, "layers": [], "rights": {{"licence": "CC-BY-4.0"}}}}],
            "licences": {{"CC-BY-4.0": 1}}}}"#
        )
        .into_bytes(),
    );
    all
}

/// Tables that are cut into takes in each way, with a stamp, names and a video of nothing.
pub(super) fn tables() -> Vec<Vec<u8>> {
    let stream = "[[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\nfrom = \"table\"\n\
                  position = { field = [\"a\", \"b\"], unit = \"deg\", scale = 0.5 }\n\
                  channels = [{ name = \"elbow\", sign = -1, offset = 2 }, { name = \"finger\" }]\n";
    let wrench = "[[stream]]\ntopic = \"/robot/wrench/left\"\nkind = \"wrench\"\nfrom = \"table\"\nframe = \"wrist\"\n\
                  force = { field = [\"a\", \"b\", \"c\"], unit = \"N\" }\ntorque = { field = [\"a\", \"b\", \"c\"], unit = \
                  \"N*m\" }\ntared = true\n[[note]]\nkey = \"label\"\nfrom = \"table\"\nfield = \"label\"\n";
    let rate = "schema = 1\nformat = \"table\"\ninstruction = { en = \"lift\" }\n[clock]\ntime = \"rate\"\nrate_hz = 50\n";
    let stamp =
        "schema = 1\nformat = \"table\"\n[clock]\ntime = \"stamp\"\nstamp = \"t\"\nstamp_unit = \"ms\"\n";
    let rows = "t,a,b,c,label\n0,1.5,2,3,x\n10,1e3,-2,nan,x\n20,,\"4\",5,y\n";
    let block = "[table]\ntake = \"block\"\ndelimiter = \"\\t\"\ncolumns = [\"\", \"a\", \"b\", \"c\"]\n";
    let blocks = "normal\n\t1\t2\t3\n\t4\t5\t6\n\ncollision\n\t7\t8\t9\n";
    vec![
        format!("{rate}{stream}{wrench}\n%\n{rows}").into_bytes(),
        format!("{stamp}{stream}\n%\n{rows}").into_bytes(),
        format!("{rate}{block}{stream}\n%\n{blocks}").into_bytes(),
        format!("{rate}[table]\ntake = \"row\"\n{wrench}\n%\n{rows}").into_bytes(),
        rows.into(),
    ]
}

pub(super) fn xr_teleoperate() -> Vec<Vec<u8>> {
    let whole = r#"{"info": {"version": "1.0.0", "date": "2025", "author": "x", "image": {"width": 640, "height": 480,
        "fps": 30}, "joint_names": {"left_arm": ["elbow"], "right_arm": ["finger"]}}, "text": {"goal": "lift", "desc": "a"},
        "data": [{"idx": 0, "colors": {"color_0": "colors/000000_color_0.jpg"}, "depths": {}, "states": {"left_arm":
        {"qpos": [1.5, -2e3], "qvel": [], "torque": []}, "right_arm": {"qpos": [0.25]}}, "actions": {"left_arm": {"qpos":
        [1]}}, "tactiles": null, "audios": null}, {"idx": 1, "colors": {"color_0": "../x"}, "states": {}, "actions": {}}]}"#;
    vec![whole.into(), whole[..whole.len() - 40].into()]
}

/// Two episodes of five rows: numbers as they are and packed, pictures, and what is not read.
pub(super) fn zarr() -> Vec<Vec<u8>> {
    let array = |shape: &str, chunks: &str, dtype: &str, codec: &str| {
        format!(
            r#"{{"zarr_format": 2, "shape": {shape}, "chunks": {chunks}, "dtype": "{dtype}", "compressor": {codec},
            "fill_value": 0, "filters": null, "order": "C"}}"#
        )
        .into_bytes()
    };
    let ends = [3i64, 5].map(i64::to_le_bytes).concat();
    let floats: Vec<u8> = (0..12u8).flat_map(|at| f32::from(at).to_le_bytes()).collect();
    let doubles = [0.01f64, 0.02, 0.03, 0.04].map(f64::to_be_bytes).concat();
    // Blosc 2, bytes as they are: version, codec, flags, item, unpacked, block, packed.
    let mut blosc = vec![2, 1, 2, 4];
    for number in [48u32, 48, 64] {
        blosc.extend(number.to_le_bytes());
    }
    blosc.extend(&floats);
    // LZ4: the length, then one run of literals.
    let lz4 = [&48u32.to_le_bytes()[..], &[0xf0, 33], &floats].concat();
    let pictures: Vec<u8> = (0..48).collect();
    let parts: Vec<(&str, Vec<u8>)> = vec![
        ("meta/episode_ends/.zarray", array("[2]", "[2]", "<i8", "null")),
        ("meta/episode_ends/0", ends),
        ("data/place/.zarray", array("[5, 3]", "[4, 3]", "<f4", r#"{"id": "blosc", "cname": "lz4"}"#)),
        ("data/place/0.0", blosc),
        ("data/force/.zarray", array("[5, 3]", "[4, 3]", "<f4", r#"{"id": "lz4"}"#)),
        ("data/force/0.0", lz4),
        ("data/width/.zarray", array("[5, 1]", "[4, 1]", ">f8", "null")),
        ("data/width/0.0", doubles),
        ("data/rgb/.zarray", array("[5, 4, 4, 3]", "[1, 4, 4, 3]", "|u1", "null")),
        ("data/rgb/0.0.0.0", pictures),
        ("data/names/.zarray", array("[5]", "[5]", "|O", "null")),
        ("data/packed/.zarray", array("[5]", "[5]", "|b1", r#"{"id": "zstd", "level": 3}"#)),
    ];
    vec![join(parts.iter().map(|(key, value)| (*key, value.as_slice())))]
}
