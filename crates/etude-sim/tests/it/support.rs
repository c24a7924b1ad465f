//! Where scenes, cards and models are.

use crate::player::{PERIOD_S, Player};
use etude_model::Card;
use etude_sim::{Progress, Scene, SimOptions, Simulation};
use std::path::{Path, PathBuf};

/// Folders of the cards.
pub(crate) const ROBOTS: [&str; 3] = ["unitree_g1_dex3", "trossen_aloha2", "enactic_openarm2"];

/// Scenes with their task.
pub(crate) const TASKS: [(&str, &str); 2] = [("flat", "lift_can"), ("parcel_bay", "parcel_to_bin")];

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The folder of robot models, or `None` with a line that says so.
pub(crate) fn models() -> Option<PathBuf> {
    let folder = workspace().join(".deps/robots");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no robot models in {}; run `cargo xtask setup`", folder.display());
    None
}

pub(crate) fn scene(name: &str) -> Scene {
    Scene::load(&workspace().join("scenes").join(name)).expect("a scene of the repository")
}

pub(crate) fn card(name: &str) -> Card {
    let path = workspace().join("robots").join(name).join("card.toml");
    let text = std::fs::read_to_string(&path).expect("a card of the repository");
    Card::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A simulation without cameras.
pub(crate) fn blind(models: &Path, robot: &str, scene_name: &str, seed: u64) -> Simulation {
    let options = SimOptions { cameras: false, ..SimOptions::default() };
    Simulation::compose(&scene(scene_name), &card(robot), models, &options, seed)
        .unwrap_or_else(|error| panic!("{robot} in {scene_name}: {error}"))
}

/// Plays the plan to its end and a second longer.
pub(crate) fn play(
    player: &mut Player,
    simulation: &mut Simulation,
    mut each: impl FnMut(&Simulation),
) -> Progress {
    let ticks = ((player.plan.duration_s() + 1.0) / PERIOD_S) as u64;
    for tick in 0..ticks {
        player.tick(simulation, tick as f64 * PERIOD_S);
        each(simulation);
    }
    simulation.progress()
}
