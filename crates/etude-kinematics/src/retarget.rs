//! Moving a take from one body to another: paths of hands in, joint trajectories and a report out.
//!
//! Reading order: [`arms`] (the arms and hands of a body as its card describes them), [`path`] (what a hand did),
//! [`survey`] (a first look over the whole path: where hands take hold and let go), [`fit`] (the path as another hand
//! should do it: a grasp turned, an approach drawn back), `candidate` (which grasps and ways to carry are worth a try),
//! `trial` (trying them), [`plan`] (the one that is chosen), [`track`] (joint positions for it), [`pace`] (slower where the
//! joints cannot keep up), [`report`] (how much of the path is reached), [`rules`] (whether that is enough), and
//! [`engine`], which is all of it as one stream.
//!
//! Nothing here knows files or cards' folders. Memory does not grow with the length of the path. What a body cannot do is
//! said in the report and never hidden by changing the path.

pub mod arms;
mod candidate;
pub mod closing;
pub mod engine;
pub mod fingers;
pub mod fit;
pub mod pace;
pub mod path;
pub mod plan;
pub mod report;
pub mod rules;
pub mod survey;
pub mod track;
mod trial;

pub use arms::{Arm, Arms, ArmsError, Reading};
pub use candidate::{Known, OwnGrasp};
pub use closing::{Closing, Touch};
pub use engine::{Crossing, CrossingError, Options, Outcome, Tick};
pub use fingers::{Fingers, HandJoints};
pub use fit::{Fit, HandFit, ObjectHint, Turn};
pub use path::{HandSample, Mapping, PathSample};
pub use plan::{Accept, Objection, Phase, Plan, Posture};
pub use report::{HandReport, LimitTouch, PaceReport, Quantiles, Report};
pub use rules::Rules;
pub use survey::{Grasp, Key, Survey};
