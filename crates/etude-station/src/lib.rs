//! Trainer in, take out: trainer sources, the teleoperation session, the take's state machine, the recorder.
//!
//! Knows nothing of HTTP and nothing of catalogues: it leaves closed episode files.
//!
//! Reading order: [`trainer`] (where motion comes from), [`teleop`] (what it asks of a robot), [`recorder`] (what is
//! kept), [`take`] (what may follow what), [`session`] (one take from end to end).

pub mod crossing;
pub mod recorder;
pub mod session;
pub mod take;
pub mod teleop;
pub mod trainer;

pub use recorder::{Gauge, Producer, Pushed, Recorder, RecorderError, RecorderOptions};
pub use session::{Desk, Order, SessionError};
pub use take::{Step, Take, TakeError};
pub use teleop::{Teleop, TeleopError};
pub use trainer::{Sight, Trainer, TrainerFrame, TrainerHand};
