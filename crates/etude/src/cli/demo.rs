//! `etude demo`.

use clap::Args;
use std::path::PathBuf;

const AFTER: &str = "\
Examples:
  etude demo
  etude demo --takes 1 --out school-day
  etude demo --seed 7 --headless";

/// Options of `etude demo`.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER)]
#[command(long_about = "Run a school day in miniature.\n\n\
    Robots of several vendors, in physics, are led by a scripted trainer through two tasks. Every take is recorded, \
    inspected and catalogued; what is good becomes a release per robot and is exported. At the end stands a report to \
    open in a browser. The same seed gives the same releases.")]
pub(crate) struct DemoArgs {
    /// Takes per robot and task.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) takes: u32,
    /// Where chance begins: the same seed gives the same takes.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Folder for everything that is made.
    #[arg(long, value_name = "DIR", default_value = "./etude-demo")]
    pub(crate) out: PathBuf,
    /// Only this robot, by its folder under `robots/`; may be given several times. Without it: all three.
    #[arg(long = "robot", value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// No progress bars, for scripts and logs.
    #[arg(long)]
    pub(crate) headless: bool,
    /// Folder of embodiment cards; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) robots: Option<PathBuf>,
    /// Folder of robot models; found by itself where it is absent.
    #[arg(long, value_name = "DIR")]
    pub(crate) models: Option<PathBuf>,
}
