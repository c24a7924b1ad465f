//! What a command about a robot is about: a card, a model, or a card with its model.

use crate::cli::RobotFolders;
use crate::commands::cards;
use crate::folders;
use crate::hint::Advised;
use anyhow::Context;
use etude_kinematics::enrol::{self, Draft, HandDraft, card::About};
use etude_kinematics::geometry::GeometryError;
use etude_kinematics::{Body, BodyOptions, Geometry, Poses, transform};
use etude_model::Card;
use std::fs;
use std::path::{Path, PathBuf};

/// A robot, as far as it is known.
pub(super) struct Subject {
    /// What it is called in a list.
    pub(super) title: String,
    /// Its card: the confirmed one, or the draft of a model.
    pub(super) card: Card,
    /// Its model; for a card whose model is not at hand, why.
    pub(super) model: Result<Model, NoModel>,
    /// Whether a card was named, and not a model.
    pub(super) is_card: bool,
}

/// A model that was read.
pub(super) struct Model {
    pub(super) file: PathBuf,
    pub(super) body: Body,
    /// What enrolment makes of it; where a card was named, with the card's slots and home.
    pub(super) draft: Draft,
    /// Its shapes, where they were looked for already.
    pub(super) geometry: Option<Result<Geometry, GeometryError>>,
}

/// Why a card's model is not at hand, and what to do about it.
pub(super) struct NoModel {
    pub(super) what: String,
    pub(super) hint: String,
}

impl NoModel {
    pub(super) fn error(&self) -> anyhow::Error {
        Advised::new(self.what.clone(), self.hint.clone()).into()
    }
}

/// Reads a model file, without what is not there.
pub(super) fn body(path: &Path) -> anyhow::Result<Body> {
    let options =
        BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() };
    Ok(Body::from_path(path, &options)?)
}

/// What enrolment makes of the body that was read from `path`, its grippers fitted to their shapes, at a home in which no link
/// reaches into another; and those shapes.
pub(super) fn drafted(body: &Body, path: &Path) -> (Draft, Result<Geometry, GeometryError>) {
    let mut draft = enrol::draft(body);
    let geometry = Geometry::from_path(body, path);
    if let Ok(geometry) = &geometry {
        enrol::fit_grippers(body, &mut draft, geometry);
        enrol::clear_home(body, &mut draft, geometry);
    }
    (draft, geometry)
}

/// What is said where the shapes of a drafted model cannot be read.
pub(super) fn unread(error: &GeometryError) -> String {
    format!("note: whether links touch at home was not looked at: {error}")
}

impl Subject {
    /// Finds and reads what was named.
    pub(super) fn read(named: &Path, at: &RobotFolders) -> anyhow::Result<Self> {
        let ending = named.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        if matches!(ending.as_deref(), Some("urdf" | "xml" | "mjcf" | "xacro")) {
            return Self::of_model(named);
        }
        let file = card_file(named, at)?;
        let text = fs::read_to_string(&file)
            .with_context(|| format!("the card {} cannot be read", file.display()))?;
        let card = Card::from_toml(&text).with_context(|| format!("the card {}", file.display()))?;
        Ok(Self { title: card.title(), model: of_card(&card, at), card, is_card: true })
    }

    fn of_model(path: &Path) -> anyhow::Result<Self> {
        let body = body(path)?;
        let (draft, geometry) = drafted(&body, path);
        let about = About { path: path.display().to_string(), ..About::default() };
        let card = enrol::card::card(&body, &draft, &about);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let model = Ok(Model { file: path.to_owned(), body, draft, geometry: Some(geometry) });
        Ok(Self { title: stem, card, model, is_card: false })
    }
}

/// The model that a card names.
fn of_card(card: &Card, at: &RobotFolders) -> Result<Model, NoModel> {
    let Some(kinematics) = &card.kinematics else {
        return Err(NoModel {
            what: format!("the card of {} names no model", card.title()),
            hint: "a robot that is known by its channels alone has none; `[kinematics]` names one".to_owned(),
        });
    };
    let folder = folders::models(at.models.as_deref());
    let below = folder.as_ref().ok().map(|folder| folder.join(&kinematics.path));
    let candidates = below.into_iter().chain([PathBuf::from(&kinematics.path)]);
    let Some(file) = candidates.into_iter().find(|file| file.is_file()) else {
        let looked = match &folder {
            Ok(folder) => format!("it is not in {}", folder.display()),
            Err(error) => error.to_string(),
        };
        let (what, hint) = cards::not_at_hand(card, kinematics, &looked);
        return Err(NoModel { what, hint });
    };
    let body = body(&file).map_err(|error| NoModel {
        what: format!("the model of {} cannot be read: {error}", card.title()),
        hint: format!("{} should ship it whole; is this file it?", kinematics.package),
    })?;
    let draft = with_card(card, &body);
    Ok(Model { file, body, draft, geometry: None })
}

/// What enrolment makes of a model, where the card's word on slots, home and grasp frames stands.
fn with_card(card: &Card, body: &Body) -> Draft {
    let mut draft = enrol::draft(body);
    // How far the drafted home missed says nothing of the card's.
    draft.home_missed.clear();
    for joint in &mut draft.joints {
        if let Some(known) =
            card.joint_index(body.joint_name(joint.joint)).and_then(|place| card.joints.get(place))
        {
            joint.slot.clone_from(&known.slot);
            if let (Some(factor), Some(position)) = (
                known.unit.to_si(),
                body.position_index(joint.joint).and_then(|place| draft.home.get_mut(place)),
            ) {
                *position = known.home * factor;
            }
        }
    }
    body.apply_mimics(&mut draft.home);
    take_grasps(card, body, &mut draft);
    draft
}

/// Hands grasp where the card says; an arm that ends without fingers has a grasp frame too.
fn take_grasps(card: &Card, body: &Body, draft: &mut Draft) {
    let rest = Poses::new(body);
    for end in &card.end_effectors {
        let Ok(frame) = body.frame(&end.body) else { continue };
        let grasp = rest.world_from_frame(body, frame) * transform::isometry(&end.grasp_in_body);
        if let Some(hand) = draft.hands.iter_mut().find(|hand| hand.side == end.side) {
            hand.grasp = grasp;
        } else {
            draft.hands.push(HandDraft {
                side: end.side,
                is_gripper: false,
                fingers: Vec::new(),
                grasp,
                ranges: Vec::new(),
                aperture_m: None,
            });
        }
    }
}

fn card_file(named: &Path, at: &RobotFolders) -> anyhow::Result<PathBuf> {
    if named.is_file() {
        return Ok(named.to_owned());
    }
    let beside = named.join("card.toml");
    if beside.is_file() {
        return Ok(beside);
    }
    let folder = folders::robots(at.robots.as_deref())?;
    let known = folder.join(named.strip_prefix("robots").unwrap_or(named)).join("card.toml");
    if known.is_file() {
        return Ok(known);
    }
    let names: Vec<String> = folders::cards(&folder).map(|(name, _)| name).collect();
    let message = format!("there is no embodiment card and no model {}", named.display());
    let hint = format!(
        "{} has the cards {}; a model's name ends in .urdf or .xml",
        folder.display(),
        names.join(", ")
    );
    Err(Advised::new(message, hint).into())
}
