//! What every robot can do, real or simulated: give readings, take granted commands.

use etude_model::card::Card;
use etude_model::sample::ActionApplied;
use etude_model::{HostTime, Sample, Stamp, StreamSpec};

/// A robot that commands can be sent to and readings come from.
///
/// Time is the station's host clock. A simulated robot moves it; a real one lives in it.
pub trait Robot {
    /// Its card.
    fn card(&self) -> &Card;

    /// The streams it sends; a reading names one by its place here.
    fn streams(&self) -> &[StreamSpec];

    /// Now, on the host's clock.
    fn now(&self) -> HostTime;

    /// Latest joint positions, \[joint\], order and units of the card.
    fn positions(&self) -> &[f64];

    /// Makes the robot send again what it sends only once, such as calibrations: a recording is about to begin.
    fn announce(&mut self);

    /// Lets time pass until `time` and hands over every reading that comes meanwhile, in order of time.
    fn run_until(&mut self, time: HostTime, sink: &mut dyn ReadingSink) -> Result<(), RobotError>;

    /// Sends joint targets that the governor granted (\[joint\], order and units of the card).
    fn command(&mut self, sequence: u64, granted: &[f64]) -> Result<ActionApplied, RobotError>;
}

/// Something a robot sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A finished sample.
    Sample(Sample),
    /// A camera's picture that is not compressed yet.
    Picture(Picture),
}

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Colours, \[row, column, channel\], u8, sRGB.
    pub rgb: Vec<u8>,
}

/// Takes readings as they come. Must not block for long: a real robot's readings wait behind it.
pub trait ReadingSink {
    /// A reading of the stream at `stream` in [`Robot::streams`].
    fn take(&mut self, stream: usize, stamp: Stamp, reading: Reading);
}

/// What a robot cannot do.
#[derive(Debug, thiserror::Error)]
pub enum RobotError {
    /// A command of the wrong length.
    #[error("{robot} has {expected} joints, the command has {found}")]
    CommandLength {
        /// Vendor and model.
        robot: String,
        /// Joints on the card.
        expected: usize,
        /// Numbers in the command.
        found: usize,
    },
    /// The simulation cannot go on.
    #[error("{robot} in simulation: {source}")]
    Simulation {
        /// Vendor and model.
        robot: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
