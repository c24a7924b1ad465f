//! How much memory an import and conversions take of sources that grow: peak and CPU time, each in a process of its own.
//!
//! `cargo bench -p etude-dataset --profile dev --bench memory [-- GB...]`. A source of so many GB of raw pictures and joint
//! states is generated as MCAP with ROS 2 messages: smooth pictures that move, so that its compressed chunks need a
//! hundredth of the disk and every byte of them is still unpacked, read and coded. Beside the work, the disk holds one
//! source, one episode and one export at a time.
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a report on files that it made itself")]

#[path = "../../../benches/cpu.rs"]
mod cpu;

use cpu::cpu_s;
use etude_dataset::convert::Conversion;
use etude_dataset::export::RowOptions;
use etude_dataset::foreign::{Importer, Source};
use etude_dataset::lerobot;
use etude_dataset::streams::{self, StreamFormat};
use etude_model::Card;
use mcap::records::MessageHeader;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::Path;
use std::process::Command;

const WIDTH: usize = 640;
const HEIGHT: usize = 480;
const RATE_HZ: u64 = 30;
/// Joint states for each picture.
const STATES: u64 = 4;
const JOINTS: usize = 28;
const BEGAN_NS: u64 = 1_767_603_600_000_000_000;
const HEADER: &str = "================================================================================\nMSG: std_msgs/Header\n\
     builtin_interfaces/Time stamp\nstring frame_id\n\
     ================================================================================\n\
     MSG: builtin_interfaces/Time\nint32 sec\nuint32 nanosec\n";

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [job, source, out] = words.as_slice()
        && let Some(job) = JOBS.iter().find(|(name, _)| name == job)
    {
        return child(job.1, Path::new(source), Path::new(out));
    }
    let sizes: Vec<u64> = words.iter().map(|word| word.parse().expect("gigabytes")).collect();
    let sizes = if sizes.is_empty() { vec![1] } else { sizes };
    println!(
        "| source, GB | on disk, MB | work | peak, MB | CPU, s | written, MB |\n|---|---|---|---|---|---|"
    );
    for gigabytes in sizes {
        measure(gigabytes);
    }
}

type Job = fn(&Importer, &Path);

const JOBS: [(&str, Job); 3] = [
    ("import", |importer, out| {
        fs::create_dir(out).unwrap();
        importer.import(0, &out.join("0.mcap")).unwrap();
    }),
    ("convert, LeRobot", |importer, out| {
        let mut recordings = Conversion::of_recordings(importer, &[], out).unwrap();
        let rows = RowOptions { fps: Some(RATE_HZ as u32), ..RowOptions::default() };
        let options = lerobot::ExportOptions { rows, ..lerobot::ExportOptions::default() };
        lerobot::export_each(&mut recordings, out, &options, &mut |_, _| {}).unwrap();
    }),
    ("convert, Parquet", |importer, out| {
        let mut recordings = Conversion::of_recordings(importer, &[], out).unwrap();
        streams::export_each(&mut recordings, out, StreamFormat::Parquet, &mut |_, _| {}).unwrap();
    }),
];

fn measure(gigabytes: u64) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source.mcap");
    generate(&source, gigabytes * 1_000_000_000 / (WIDTH * HEIGHT * 3) as u64);
    let stored = fs::metadata(&source).unwrap().len() / 1_000_000;
    for (name, _) in JOBS {
        let out = folder.path().join("out");
        let child =
            Command::new(std::env::current_exe().unwrap()).arg(name).arg(&source).arg(&out).output().unwrap();
        assert!(child.status.success(), "{name}: {}", String::from_utf8_lossy(&child.stderr));
        let told = String::from_utf8(child.stdout).unwrap();
        println!("| {gigabytes} | {stored} | {name} | {} | {} |", told.trim(), size(&out) / 1_000_000);
        fs::remove_dir_all(&out).unwrap();
    }
}

/// Does one job and tells what it took.
fn child(job: Job, source: &Path, out: &Path) {
    let card = Card::from_toml(&card()).unwrap();
    let source = Source::open(source, None).unwrap();
    let mapping = mapping();
    let importer = Importer::open(source, (&mapping, "bench"), &card, "bench").unwrap();
    job(&importer, out);
    println!("{} | {:.1}", peak_kb() / 1000, cpu_s());
}

/// The most memory that this process ever had, kB.
fn peak_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn size(path: &Path) -> u64 {
    if !path.is_dir() {
        return fs::metadata(path).unwrap().len();
    }
    fs::read_dir(path).unwrap().map(|entry| size(&entry.unwrap().path())).sum()
}

/// A card of joints that exists for this alone.
fn card() -> String {
    let mut text =
        "schema = 1\nvendor = \"Maker\"\nmodel = \"Bench\"\nrevision = \"a\"\nsource = \"a benchmark\"\n"
            .to_owned();
    for joint in 0..JOINTS {
        let limits = "kind = \"revolute\"\nunit = \"rad\"\nposition = [-3.0, 3.0]\nvelocity = 3.0";
        writeln!(text, "[[joint]]\nname = \"j{joint}\"\n{limits}").unwrap();
    }
    text
}

fn mapping() -> String {
    let channels: Vec<String> = (0..JOINTS).map(|joint| format!("{{ name = \"j{joint}\" }}")).collect();
    format!(
        "schema = 1\nformat = \"mcap\"\ninstruction = {{ en = \"lift the can\" }}\n[clock]\ntime = \"log\"\n\
         stamp = \"header.stamp\"\n[[stream]]\ntopic = \"/robot/joint_states\"\nkind = \"joint_states\"\nfrom = \"/joints\"\n\
         names = \"name\"\nposition = {{ field = \"position\", unit = \"rad\" }}\nvelocity = {{ field = \"velocity\", unit = \"rad/s\" }}\n\
         effort = {{ field = \"effort\", unit = \"N*m\" }}\nchannels = [{}]\n[[stream]]\ntopic = \"/camera/head/video\"\n\
         kind = \"video\"\nfrom = \"/camera\"\nframe = \"head\"\ndata = \"data\"\nformat = \"rgb8\"\n",
        channels.join(", ")
    )
}

/// Numbers and text as ROS 2 sends them: CDR, little-endian, numbers at multiples of their size.
#[derive(Default)]
struct Cdr(Vec<u8>);

impl Cdr {
    fn number<const N: usize>(&mut self, bytes: [u8; N]) {
        self.0.resize(self.0.len().next_multiple_of(N), 0);
        self.0.extend(bytes);
    }

    fn text(&mut self, text: &str) {
        self.number((text.len() as u32 + 1).to_le_bytes());
        self.0.extend(text.as_bytes());
        self.0.push(0);
    }

    fn header(&mut self, time_ns: u64) {
        self.number(((time_ns / 1_000_000_000) as u32).to_le_bytes());
        self.number(((time_ns % 1_000_000_000) as u32).to_le_bytes());
        self.text("head");
    }

    fn numbers(&mut self, values: &[f64]) {
        self.number((values.len() as u32).to_le_bytes());
        for value in values {
            self.number(value.to_le_bytes());
        }
    }

    /// The message behind the four bytes that say how it is encoded.
    fn message(&self) -> Vec<u8> {
        [&[0, 1, 0, 0], self.0.as_slice()].concat()
    }
}

fn states(number: u64, time_ns: u64) -> Vec<u8> {
    let mut cdr = Cdr::default();
    cdr.header(time_ns);
    cdr.number((JOINTS as u32).to_le_bytes());
    (0..JOINTS).for_each(|joint| cdr.text(&format!("j{joint}")));
    let positions: Vec<f64> = (0..JOINTS).map(|joint| (number as f64 * 0.002 + joint as f64).sin()).collect();
    let speeds: Vec<f64> = positions.iter().map(|position| (1.0 - position * position).sqrt()).collect();
    cdr.numbers(&positions);
    cdr.numbers(&speeds);
    cdr.numbers(&[0.5; JOINTS]);
    cdr.message()
}

/// A gradient that moves down by a row with each picture.
fn picture(number: u64, time_ns: u64) -> Vec<u8> {
    let mut cdr = Cdr::default();
    cdr.header(time_ns);
    cdr.number((HEIGHT as u32).to_le_bytes());
    cdr.number((WIDTH as u32).to_le_bytes());
    cdr.text("rgb8");
    cdr.number([0]);
    cdr.number((WIDTH as u32 * 3).to_le_bytes());
    cdr.number(((WIDTH * HEIGHT * 3) as u32).to_le_bytes());
    for row in 0..HEIGHT {
        let height = (row + number as usize) % 512;
        let pixel = [height / 2, 255 - height / 2, 128].map(|value| value as u8);
        cdr.0.extend(pixel.repeat(WIDTH));
    }
    cdr.message()
}

fn generate(path: &Path, pictures: u64) {
    let options = mcap::WriteOptions::new().profile("ros2").chunk_size(Some(4 << 20));
    let file = BufWriter::new(File::create(path).unwrap());
    let mut writer = options.create(file).unwrap();
    let mut channel = |topic: &str, name: &str, fields: &str| {
        let schema = writer.add_schema(
            name,
            "ros2msg",
            format!("std_msgs/Header header\n{fields}{HEADER}").as_bytes(),
        );
        writer.add_channel(schema.unwrap(), topic, "cdr", &BTreeMap::new()).unwrap()
    };
    let joints = channel(
        "/joints",
        "sensor_msgs/msg/JointState",
        "string[] name\nfloat64[] position\nfloat64[] velocity\nfloat64[] effort\n",
    );
    let camera = channel(
        "/camera",
        "sensor_msgs/msg/Image",
        "uint32 height\nuint32 width\nstring encoding\nuint8 is_bigendian\nuint32 step\nuint8[] data\n",
    );
    let mut write = |channel_id: u16, number: u64, time_ns: u64, data: &[u8]| {
        let header =
            MessageHeader { channel_id, sequence: number as u32, log_time: time_ns, publish_time: time_ns };
        writer.write_to_known_channel(&header, data).unwrap();
    };
    for number in 0..pictures {
        let time_ns = BEGAN_NS + number * 1_000_000_000 / RATE_HZ;
        write(camera, number, time_ns, &picture(number, time_ns));
        for state in number * STATES..(number + 1) * STATES {
            let time_ns = BEGAN_NS + state * 1_000_000_000 / (RATE_HZ * STATES);
            write(joints, state, time_ns, &states(state, time_ns));
        }
    }
    writer.finish().unwrap();
}
