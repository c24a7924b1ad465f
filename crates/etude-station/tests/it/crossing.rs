//! A take moved to another body and replayed in physics, and a matrix of two bodies.

use etude_episode::Episode;
use etude_model::{Origin as TakeOrigin, Sample, Topic};
use etude_sim::Scene;
use etude_station::crossing::matrix::{MatrixOrder, matrix};
use etude_station::crossing::source::Origin;
use etude_station::crossing::write::report_of;
use etude_station::crossing::{Frame, Request, retarget};
use etude_station::session::load_card;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// An order for the can, or why it cannot be carried out here.
fn order(folder: &Path, names: [&str; 2]) -> Option<MatrixOrder> {
    let models = root().join(".deps/robots");
    if !models.join("aloha").exists() || !models.join("openarm").exists() {
        eprintln!("skipped: no robot models in .deps/robots; `cargo xtask setup` fetches them");
        return None;
    }
    let card = |name: &str| (name.to_owned(), load_card(&root().join("robots"), name).expect("a card"));
    Some(MatrixOrder {
        scene: Scene::load(&root().join("scenes/flat")).expect("a scene"),
        task: "lift_can".to_owned(),
        cards: names.map(card).into(),
        models,
        takes: 1,
        seed: 1,
        folder: folder.to_owned(),
        origin: None,
        hands: None,
    })
}

#[test]
fn a_take_moved_to_another_body_still_does_the_task() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(order) = order(folder.path(), ["enactic_openarm2", "trossen_aloha2"]) else { return };
    let found = matrix(&order, &mut |_| {}).expect("a matrix");
    assert_eq!(found.cells.len(), 4);
    for cell in &found.cells {
        assert_eq!(cell.replay.trials, 1);
    }
    let own = found.cell("enactic_openarm2", "enactic_openarm2").expect("the diagonal");
    assert_eq!(own.replay.successes, 1, "{own:?}");
    let moved = found.cell("enactic_openarm2", "trossen_aloha2").expect("a cell");
    assert_eq!(moved.replay.successes, 1, "{moved:?}");
    assert!(moved.reached_share > 0.95, "{moved:?}");

    let path = folder.path().join("enactic_openarm2-to-trossen_aloha2-1.mcap");
    let episode = Episode::open(&path).expect("the retargeted episode");
    let manifest = episode.manifest();
    assert_eq!(manifest.origin, TakeOrigin::Retargeted);
    assert_eq!(manifest.parents.len(), 1);
    assert_eq!(manifest.embodiment, "Trossen ALOHA 2");
    let counts: Vec<_> = episode.streams().iter().map(|stream| &stream.count).collect();
    assert!(episode.is_accounted(), "{counts:#?}");
    let report = report_of(&episode).expect("readable").expect("a report");
    assert_eq!(report.source, "Enactic OpenArm 2");
    assert!(report.collisions.is_some(), "the scene is known, so somebody looked");
    let card = load_card(&root().join("robots"), "trossen_aloha2").expect("a card");
    for message in episode.messages(&[Topic::JOINT_COMMANDS], ..).expect("commands") {
        let Sample::JointCommand(command) = message.expect("a command").sample else { continue };
        for (joint, granted) in card.joints.iter().zip(&command.granted) {
            assert!((joint.position[0]..=joint.position[1]).contains(granted), "{}: {granted}", joint.name);
        }
    }
}

#[test]
fn what_the_joints_did_is_enough_since_hands_close_by_touch() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(order) = order(folder.path(), ["trossen_aloha2", "enactic_openarm2"]) else { return };
    let alone = MatrixOrder { origin: Some(Origin::States), ..order };
    let found = matrix(&alone, &mut |_| {}).expect("a matrix");
    // A can keeps this gripper open by nearly three quarters, which would not hold it in the other.
    let moved = found.cell("trossen_aloha2", "enactic_openarm2").expect("a cell");
    assert_eq!(moved.replay.successes, 1, "{moved:?}");
    assert!(moved.adapted.keys().any(|words| words.contains("until it touches")), "{moved:?}");
}

#[test]
fn seen_from_the_shoulders_a_take_needs_no_scene() {
    let folder = tempfile::tempdir().expect("a folder");
    let Some(order) = order(folder.path(), ["enactic_openarm2", "unitree_g1_dex3"]) else { return };
    let one = MatrixOrder { cards: order.cards[..1].to_vec(), ..order.clone() };
    matrix(&one, &mut |_| {}).expect("a take");
    let made = std::fs::read_dir(folder.path().join("enactic_openarm2")).expect("takes");
    let path = made.flatten().next().expect("one take").path();
    let episode = Episode::open(&path).expect("the take");
    let request = Request {
        models: &order.models,
        target: &order.cards[1].1,
        body: None,
        frame: Frame::Torso,
        origin: None,
        hands: None,
        rate_hz: Some(50.0),
        scene: None,
        rules: etude_kinematics::retarget::Rules::default(),
    };
    let moved = retarget(&episode, &request, None, None).expect("a report");
    assert_eq!(moved.rate_hz, 50.0);
    assert_eq!(moved.report.hands.len(), 2, "both hands are followed where no home is asked for");
    assert!(moved.report.collisions.is_none() && moved.closed.is_none());
    for hand in &moved.report.hands {
        assert!(hand.position_error_m.max.is_finite() && hand.reached_share > 0.0, "{hand:?}");
    }
}
