//! Takes that cross from one body to another: an episode in, an episode for another body out, with a report.
//!
//! Two frames serve two ends. In the *work* frame a hand goes to the same places of the scene, so that objects are where
//! they were: that is for replay in physics. In the *torso* frame a hand goes where the source's went as seen from the
//! shoulders, scaled by the arms' lengths: that is for takes whose scene is not known.
//!
//! Reading order: [`source`] (the path of an episode), [`write`] (the new episode), [`replay`] (an episode's commands in
//! physics), [`matrix`] (from every body to every other).

pub mod look;
pub mod matrix;
pub mod replay;
pub mod source;
pub mod write;

use etude_episode::{Episode, ReadError, WriteError};
use etude_inspect::inspect::Error as InspectError;
use etude_kinematics::retarget::arms::side_index;
use etude_kinematics::retarget::path::SideMapping;
use etude_kinematics::retarget::survey::HandSurvey;
use etude_kinematics::retarget::{
    Arms, ArmsError, Crossing, CrossingError, Fingers, Known, Mapping, ObjectHint, Options, OwnGrasp, Phase,
    Plan, Report, Rules, Survey, Tick,
};
use etude_kinematics::{Body, BodyError, BodyOptions, Poses, transform};
use etude_model::card::{Card, GraspHint, Side, Simulation as Setup};
use etude_model::{Pose, StreamKind};
use etude_sim::Scene;
use nalgebra::{Isometry3, Point3, Vector3};
use source::{Kept, Origin, PathFrame, PathReader, SourceBody};
use std::path::{Path, PathBuf};

/// Commands per second where neither the card nor the caller says.
pub const RATE_HZ: f64 = 100.0;
/// Tremor is smoothed over this time to either side, s.
const SMOOTHING_S: f64 = 0.05;

/// A thing whose middle is further from the grasp frame where the hand closes is not what the hand takes, m.
const HELD_WITHIN_M: f64 = 0.06;

/// What stops a take on its way.
#[derive(Debug, thiserror::Error)]
pub enum CrossError {
    /// The episode cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The new episode cannot be written.
    #[error("the retargeted episode {} cannot be written", .path.display())]
    Write {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<WriteError>,
    },
    /// The card in the episode is none.
    #[error("the card in {episode} cannot be used")]
    Card {
        /// The episode.
        episode: String,
        /// Why.
        #[source]
        source: Box<etude_model::CardError>,
    },
    /// A card names no kinematic model.
    #[error("the card of {robot} names no kinematic model, so where its hands are cannot be computed")]
    NoModel {
        /// Vendor and model.
        robot: String,
    },
    /// A model cannot be read.
    #[error("the kinematic model of {robot} cannot be read")]
    Body {
        /// Vendor and model.
        robot: String,
        /// Why.
        #[source]
        source: Box<BodyError>,
    },
    /// A hand cannot be led by a person's fingers.
    #[error("a hand of {robot} cannot be led by a person's fingers")]
    Hand {
        /// Vendor and model.
        robot: String,
        /// Why.
        #[source]
        source: Box<etude_kinematics::HandError>,
    },
    /// A body's arms cannot be used.
    #[error(transparent)]
    Arms(#[from] ArmsError),
    /// The episode has no path of hands.
    #[error("{episode} has no stream {missing}, so no path of its hands can be read")]
    NoPath {
        /// The episode.
        episode: String,
        /// The stream that is missing.
        missing: String,
    },
    /// The places of both bodies before the work surface are not known.
    #[error("the card of {robot} does not say where it stands before a work surface ([simulation])")]
    NoPlace {
        /// Vendor and model.
        robot: String,
    },
    /// The take cannot be moved.
    #[error(transparent)]
    Crossing(#[from] CrossingError),
    /// The robot in physics.
    #[error(transparent)]
    Robot(#[from] etude_robot::RobotError),
    /// The governor.
    #[error(transparent)]
    Governor(#[from] etude_robot::GovernorError),
    /// The simulation.
    #[error("the simulation cannot be used")]
    Simulation(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A take cannot be recorded.
    #[error("a take cannot be recorded")]
    Session(#[from] Box<crate::session::SessionError>),
    /// The inspection.
    #[error("the episode cannot be inspected")]
    Inspect(#[source] Box<InspectError>),
    /// An episode is not what is needed.
    #[error("{episode}: expected {expected}, found {found}")]
    Unfit {
        /// The episode.
        episode: String,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A file or folder.
    #[error("{} cannot be used", .path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// In which frame a hand's path is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Before the same work surface: the same places of the scene.
    Work,
    /// Seen from the shoulders, scaled by the arms' lengths.
    Torso,
}

impl Frame {
    /// In a word, as in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Torso => "torso",
        }
    }
}

/// What leads the fingers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandsBy {
    /// How far the source's hand is closed, finger by finger; where the thing is known, at least until it is touched.
    Closure,
    /// The person's own fingers, where the episode has them: fingertips by fingertips, a gripper by the opening.
    Fingertips,
}

/// What a take is moved with.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Folder of robot models.
    pub models: &'a Path,
    /// The body that the take goes to.
    pub target: &'a Card,
    /// The card whose model the source's joints are read with, by slots, where the source's own names none.
    pub body: Option<&'a Card>,
    /// In which frame.
    pub frame: Frame,
    /// What the path is read from; `None`: the best there is.
    pub origin: Option<Origin>,
    /// What leads the fingers; `None`: the person's own in the torso frame, closure in the work frame, where it is known what
    /// is held.
    pub hands: Option<HandsBy>,
    /// Commands per second; `None`: as the target's card says.
    pub rate_hz: Option<f64>,
    /// The scene that the take was made in, where it is known: what is taken hold of there.
    pub scene: Option<&'a Scene>,
    /// What is demanded.
    pub rules: Rules,
}

/// A take that was moved.
#[derive(Clone, Debug)]
pub struct Moved {
    /// What became of it.
    pub report: Report,
    /// What was written; absent where nothing was to be.
    pub closed: Option<etude_episode::Closed>,
    /// What the path was read from.
    pub origin: Origin,
    /// Commands per second.
    pub rate_hz: f64,
}

/// The arms of the body that a card describes.
pub fn arms(card: &Card, models: &Path) -> Result<Arms, CrossError> {
    let model = card.kinematics.as_ref().ok_or_else(|| CrossError::NoModel { robot: card.title() })?;
    let options = BodyOptions { freeze_free_joints: true, ..BodyOptions::default() };
    let body = Body::from_path(models.join(&model.path), &options)
        .map_err(|source| CrossError::Body { robot: card.title(), source: Box::new(source) })?;
    Ok(Arms::new(card, body)?)
}

/// A rule set for retargeted takes out of TOML; what it leaves out is as supplied.
pub fn rules_from_toml(text: &str) -> Result<Rules, toml::de::Error> {
    toml::from_str(text)
}

/// The card in an episode.
pub fn card_of(episode: &Episode) -> Result<Card, CrossError> {
    Card::from_toml(&episode.card_toml()?)
        .map_err(|source| CrossError::Card { episode: episode.name().to_owned(), source: Box::new(source) })
}

/// Moves an episode to another body and writes it to `out`, where that is given. `look`, where given and set for the
/// take's task and start, keeps the robot from reaching into the scene or itself.
pub fn retarget(
    episode: &Episode,
    request: &Request<'_>,
    out: Option<&Path>,
    mut look: Option<&mut look::Look>,
) -> Result<Moved, CrossError> {
    let card = card_of(episode)?;
    let body_card = if card.kinematics.is_some() { &card } else { request.body.unwrap_or(&card) };
    let source = SourceBody::new(&card, body_card, arms(body_card, request.models)?);
    let target = arms(request.target, request.models)?;
    let path_frame = if request.frame == Frame::Work { PathFrame::Base } else { PathFrame::Torso };
    let Some(origin) = request.origin.or_else(|| Origin::best(episode, path_frame)) else {
        let episode = episode.name().to_owned();
        return Err(CrossError::NoPath { episode, missing: etude_model::Topic::JOINT_STATES.to_owned() });
    };
    let alone = request.origin == Some(Origin::States);
    let fingers = fingers(episode, request, &target, alone)?;
    let read = || -> Result<_, CrossError> {
        let reader = PathReader::new(episode, &card, &source, origin, path_frame)?;
        Ok(reader.without_trainer(alone).with_fingers(fingers.clone()))
    };
    let mapping = match request.frame {
        Frame::Work => Mapping::rigid(&base_from_base(&card, request.target)?),
        Frame::Torso => shoulders(&source.arms, &target),
    };
    let rate_hz = request.rate_hz.unwrap_or_else(|| rate_hz(request.target));
    let mut crossing = Crossing {
        target: &target,
        mapping,
        options: Options {
            smoothing_half_s: SMOOTHING_S,
            rate_hz,
            from_home: request.frame == Frame::Work,
            acceleration: request.target.safety.joint_acceleration,
            known: Default::default(),
            rules: request.rules.clone(),
        },
    };
    let mut kept = Kept::default();
    let survey = crossing.survey(kept.keep(read()?))?;
    if request.frame == Frame::Work {
        crossing.options.known = known(episode, &card, request, &survey, look.as_deref_mut())?;
    }
    let mut plan =
        crossing.plan(&survey, &mut |postures| look.as_mut().and_then(|look| look.objection(postures)))?;
    let object = goal(episode, request).map(|goal| goal.object.as_str());
    lead_hands(&mut plan, &survey, &fingers, look.as_deref_mut().zip(object));
    let title = card.title();
    let mut writer = match out {
        Some(path) => {
            let about = write::About { episode, request, origin, rate_hz, start: &plan.start, arms: &target };
            Some(write::Writer::create(path, &about)?)
        }
        None => None,
    };
    let grasps = || survey.hands.iter().flat_map(HandSurvey::grasps);
    let first_s = grasps().map(|grasp| grasp.from_s).fold(f64::INFINITY, f64::min);
    let last_s = grasps().map(|grasp| grasp.to_s).fold(f64::NEG_INFINITY, f64::max);
    let mut report = crossing.run(&title, &plan, &survey, kept.again(read)?, &mut |tick| {
        if let (Some(look), Tick::Joints { time_s, source_s, positions }) = (look.as_mut(), &tick) {
            look.pass(*time_s, positions, Phase::at(*source_s, first_s, last_s));
        }
        writer.as_mut().map_or(Ok(()), |writer| writer.take(&tick))
    })?;
    report.collisions = look.map(|look| look.found().clone());
    report.verdict = request.rules.judge(&report);
    let closed = writer.map(|writer| writer.finish(&report)).transpose()?;
    Ok(Moved { report, closed, origin, rate_hz })
}

/// Says how each hand is led: by the person's fingers, or by closure, until it presses on what it takes where that is known.
fn lead_hands(
    plan: &mut Plan,
    survey: &Survey,
    fingers: &[Option<Fingers>; 2],
    mut known: Option<(&mut look::Look, &str)>,
) {
    for (side, fingers) in Side::BOTH.into_iter().zip(fingers) {
        if let Some(fingers) = fingers {
            plan.lagging.extend_from_slice(fingers.places());
            plan.adapted.push(format!(
                "the {} hand follows the person's by its {}",
                side.name(),
                fingers.name()
            ));
            continue;
        }
        let taken = plan.taken[side_index(side)].clone();
        if let (Some(taken), Some((look, object))) = (taken, &mut known) {
            let touch = look.touch(side, &taken, object);
            plan.touched(side, survey, touch.as_ref());
        }
    }
}

/// The first look over an episode's path in its own base frame, for those who want to know what it holds.
pub fn survey(episode: &Episode, models: &Path) -> Result<Survey, CrossError> {
    let card = card_of(episode)?;
    let source = SourceBody::new(&card, &card, arms(&card, models)?);
    let origin = Origin::best(episode, PathFrame::Base).unwrap_or(Origin::Commands);
    let mut survey = Survey::default();
    for sample in PathReader::new(episode, &card, &source, origin, PathFrame::Base)? {
        survey.look(&sample?);
    }
    Ok(survey)
}

/// How often a robot takes commands: as its card says of its commands, else as often as it sends its joints.
pub fn rate_hz(card: &Card) -> f64 {
    let of =
        |kind| card.streams.iter().filter(|stream| stream.kind == kind).find_map(|stream| stream.rate_hz);
    of(StreamKind::JointCommand).or_else(|| of(StreamKind::JointStates)).unwrap_or(RATE_HZ)
}

fn setup(card: &Card) -> Result<&Setup, CrossError> {
    card.simulation.as_ref().ok_or_else(|| CrossError::NoPlace { robot: card.title() })
}

/// The base frame of a card's robot in the frame of the work surface before it.
fn base_in_work(card: &Card) -> Result<Isometry3<f64>, CrossError> {
    let setup = setup(card)?;
    let half = 0.5 * setup.base_yaw_rad;
    let [x, y, z] = setup.base_position_m;
    Ok(transform::isometry(&Pose {
        position_m: [x - setup.work_distance_m, y, z - setup.work_height_m],
        orientation_xyzw: [0.0, 0.0, half.sin(), half.cos()],
    }))
}

/// From the source's base frame to the target's, with both before the same work surface.
fn base_from_base(source: &Card, target: &Card) -> Result<Isometry3<f64>, CrossError> {
    Ok(base_in_work(target)?.inverse() * base_in_work(source)?)
}

/// From the source's torso axes to the target's base frame: about the shoulders, scaled by the arms' lengths.
fn shoulders(source: &Arms, target: &Arms) -> Mapping {
    let mut poses = Poses::new(target.body());
    poses.update(target.body(), target.home());
    let torso = target.torso_in_base(&poses);
    let scale = target.arm_length_m() / source.arm_length_m();
    let side = |index: usize| {
        let shoulder = |arms: &Arms| {
            arms.arms()[index].as_ref().map_or_else(Vector3::zeros, |arm| arm.shoulder_in_torso)
        };
        SideMapping {
            from: shoulder(source),
            to: (torso * nalgebra::Point3::from(shoulder(target))).coords,
            scale,
            turn: torso.rotation,
        }
    };
    Mapping { sides: [side(0), side(1)] }
}

/// What the task of an episode asks for, where its scene is known.
fn goal<'a>(episode: &Episode, request: &Request<'a>) -> Option<&'a etude_sim::scene::Goal> {
    let task = episode.manifest().task.as_ref()?;
    request.scene?.task(task.as_str()).map(|task| &task.goal)
}

/// Followers of the person's fingers for the target's hands: left, right; `None` where closure leads.
fn fingers(
    episode: &Episode,
    request: &Request<'_>,
    target: &Arms,
    alone: bool,
) -> Result<[Option<Fingers>; 2], CrossError> {
    let by = request.hands.unwrap_or(match request.frame {
        Frame::Work => HandsBy::Closure,
        Frame::Torso => HandsBy::Fingertips,
    });
    if by == HandsBy::Closure || alone {
        return Ok([None, None]);
    }
    let shown = Side::BOTH.map(|side| episode.stream(&format!("/trainer/{}/hand", side.name())).is_some());
    if shown == [false; 2] {
        return Ok([None, None]);
    }
    let refuse = |source| CrossError::Hand { robot: request.target.title(), source: Box::new(source) };
    let mut both = Fingers::both(request.target, target).map_err(refuse)?;
    for (fingers, shown) in both.iter_mut().zip(shown) {
        fingers.take_if(|_| !shown);
    }
    Ok(both)
}

/// What the scene and both cards say of the task: what is taken hold of, where each hand holds it, and how the target's
/// hand takes it.
fn known(
    episode: &Episode,
    source: &Card,
    request: &Request<'_>,
    survey: &Survey,
    mut look: Option<&mut look::Look>,
) -> Result<[Known; 2], CrossError> {
    let mut found: [Known; 2] = Default::default();
    let Some(task) = episode.manifest().task.as_ref() else { return Ok(found) };
    let hint = |card: &Card, side: Side| -> Option<GraspHint> {
        let mut hints = card.simulation.iter().flat_map(|setup| &setup.grasps);
        hints.find(|hint| hint.task == task.as_str() && hint.side == side).cloned()
    };
    let goal = goal(episode, request);
    let object = goal.and_then(|goal| request.scene?.object(&goal.object));
    let lies = goal.zip(look.as_deref()).map(|(goal, look)| look.lies(&goal.object)).transpose()?;
    let object_yaw_rad = lies.map_or(0.0, |[in_world, _]| in_world.rotation.euler_angles().2);
    let upright = base_in_work(request.target)?.rotation.inverse();
    for side in Side::BOTH {
        let index = side_index(side);
        let known = &mut found[index];
        known.object = object.map(|object| {
            let [x, y, z] = object.size_m;
            // No task's test asks how a thing is turned about the vertical.
            ObjectHint { half_m: [0.5 * x.max(y), 0.5 * z], round: object.round, turn_matters: false }
        });
        // A hint says where the grasp frame is held relative to the thing's middle; the middle lies the other way.
        let middle =
            |card: &Card| hint(card, side).map_or_else(Vector3::zeros, |hint| -Vector3::from(hint.offset_m));
        known.held_in_grasp = [middle(source), middle(request.target)];
        // Where the thing lies is known: it was taken there, wherever the hand was meant to hold it.
        let grasps = survey.hands[index].grasps();
        if let (Some([_, in_base]), Some(first)) = (lies, grasps.first()) {
            let seen = first.taken.inverse_transform_point(&in_base.translation.vector.into()).coords;
            if seen.norm() < HELD_WITHIN_M {
                known.held_in_grasp[0] = seen;
            }
        }
        let let_go = grasps.last().filter(|grasp| grasp.to_s.is_finite()).map(|grasp| grasp.let_go);
        if let (Some(look), Some(goal), Some(let_go)) = (&mut look, goal, let_go) {
            look.put_down(&goal.object, &(let_go * Point3::from(known.held_in_grasp[0])));
        }
        known.own = hint(request.target, side).map(|hint| {
            let yaw_rad = hint.yaw_rad + hint.follow_yaw * object_yaw_rad;
            OwnGrasp {
                taken: upright * etude_sim::plan::turn_at(&hint, yaw_rad),
                swing_rad: hint.place_yaw_rad.unwrap_or(hint.yaw_rad) - yaw_rad,
            }
        });
    }
    Ok(found)
}
