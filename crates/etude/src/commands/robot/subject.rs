//! What a command about a robot is about: a card, a model, or a card with its model.

use crate::cli::RobotFolders;
use crate::folders;
use crate::hint::Advised;
use anyhow::Context;
use etude_kinematics::enrol::{self, Draft, card::About};
use etude_kinematics::{Body, BodyOptions};
use etude_model::Card;
use std::fs;
use std::path::{Path, PathBuf};

/// A robot, as far as it is known.
pub(super) struct Subject {
    /// What it is called in a list.
    pub(super) title: String,
    /// Its card: the confirmed one, or the draft of a model.
    pub(super) card: Card,
    /// Its body and what enrolment makes of it; absent for a card whose model is not at hand.
    pub(super) model: Option<(Body, Draft)>,
    /// Whether a card was named, and not a model.
    pub(super) is_card: bool,
}

/// Reads a model file, without what is not there.
pub(super) fn body(path: &Path) -> anyhow::Result<Body> {
    let options =
        BodyOptions { freeze_free_joints: true, skip_missing_includes: true, ..BodyOptions::default() };
    Ok(Body::from_path(path, &options)?)
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
        let draft = enrol::draft(&body);
        let about = About { path: path.display().to_string(), ..About::default() };
        let card = enrol::card::card(&body, &draft, &about);
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { title: stem, card, model: Some((body, draft)), is_card: false })
    }
}

/// The model that a card names, where it is at hand.
fn of_card(card: &Card, at: &RobotFolders) -> Option<(Body, Draft)> {
    let path = &card.kinematics.as_ref()?.path;
    let folder = folders::models(at.models.as_deref()).ok();
    let candidates = folder.map(|folder| folder.join(path)).into_iter().chain([PathBuf::from(path)]);
    let file = candidates.into_iter().find(|file| file.is_file())?;
    let body = body(&file).ok()?;
    let mut draft = enrol::draft(&body);
    // The card's word stands.
    for joint in &mut draft.joints {
        if let Some(known) =
            card.joint_index(body.joint_name(joint.joint)).and_then(|place| card.joints.get(place))
        {
            joint.slot.clone_from(&known.slot);
            if let Some(position) =
                body.position_index(joint.joint).and_then(|place| draft.home.get_mut(place))
            {
                *position = known.home;
            }
        }
    }
    body.apply_mimics(&mut draft.home);
    Some((body, draft))
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
