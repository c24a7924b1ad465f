//! The cards of `robots/`: each is confirmed, and says of its model what the model says.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etude_kinematics::{Body, BodyOptions, JointId, JointKind};
use etude_model::card::{Hand, Joint, JointKind as CardKind};
use etude_model::{Card, Unit};

use crate::data;
use crate::truth::{self, Truth};

/// Which file of `tests/truth` speaks of a card's model; nothing where the model of that very robot is not among them.
const TRUTHS: [(&str, Option<&str>); 23] = [
    ("agilex_piper", Some("agilex_piper")),
    ("apptronik_apollo", Some("apptronik_apollo")),
    ("booster_t1", Some("booster_t1")),
    ("cmu_leap_right", Some("cmu_leap_right")),
    // The truth has Vega 1 with five-finger hands; the arms of Vega 1P are longer.
    ("dexmate_vega1_gripper", None),
    ("dexmate_vega1p_gripper", Some("dexmate_vega_1p")),
    ("enactic_openarm2", Some("enactic_openarm_v2")),
    ("fourier_gr1t2", Some("fourier_gr1t2_hand_6dof")),
    ("fourier_gr2", Some("fourier_gr2t2v2_hand_12dof")),
    ("franka_panda", Some("franka_panda")),
    ("galaxea_r1", Some("galaxea_r1")),
    ("kinova_gen3", Some("kinova_gen3")),
    ("kuka_iiwa14", Some("kuka_iiwa14")),
    ("leju_kuavo_s45", Some("leju_kuavo_s45_urdf")),
    ("pal_tiago_pro", Some("pal_tiago_pro")),
    ("rethink_baxter", Some("rethink_baxter")),
    ("therobotstudio_so101", Some("therobotstudio_so101")),
    ("trossen_aloha2", Some("trossen_aloha2")),
    ("ufactory_xarm7", Some("ufactory_xarm7")),
    ("unitree_g1_dex3", Some("unitree_g1_with_hands")),
    ("unitree_h1", Some("unitree_h1")),
    ("unitree_h1_2", Some("unitree_h1_2_urdf")),
    ("universal_robots_ur5e", Some("universal_robots_ur5e")),
];

/// Two limits are one, rad or m; per second for speeds, N m or N for efforts.
const SAME: f64 = 1e-6;
/// How far an arm's length may be off the truth's, a share: `tests/truth/README.md`.
const LENGTH_SLACK: f64 = 0.05;

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every card of `robots/`, by the name of its folder.
pub(crate) fn cards() -> BTreeMap<String, Card> {
    let folder = workspace().join("robots");
    let entries = std::fs::read_dir(&folder).expect("the folder is part of the repository").flatten();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).ok()?;
        let name = path.parent()?.file_name()?.to_string_lossy().into_owned();
        let card = Card::from_toml(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Some((name, card))
    };
    entries.filter_map(|entry| read(entry.path().join("card.toml"))).collect()
}

/// The truth about a card's model.
pub(crate) fn truth_of(card: &str, truths: &BTreeMap<String, Truth>) -> Option<String> {
    let (_, truth) = TRUTHS
        .iter()
        .find(|(name, _)| *name == card)
        .unwrap_or_else(|| panic!("{card}: say in TRUTHS which truth its model has"));
    let name = (*truth)?;
    assert!(truths.contains_key(name), "{card}: tests/truth has no {name}.toml");
    Some(name.to_owned())
}

/// The files of a card's model that are at hand: what set-up unpacked, and the vendors' models.
pub(crate) fn models(card: &Card, truth: Option<&Truth>) -> Vec<PathBuf> {
    let unpacked = card.kinematics.iter().map(|model| workspace().join(".deps/robots").join(&model.path));
    let vendors = truth.and_then(|truth| Some(data::robot_models()?.join(&truth.model)));
    unpacked.chain(vendors).filter(|path| path.is_file()).collect()
}

#[test]
fn every_card_is_confirmed() {
    let cards = cards();
    assert!(cards.len() >= 25, "only {} cards", cards.len());
    for (name, card) in &cards {
        card.confirmed().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(
            card.doubts.is_empty(),
            "{name}: what was settled belongs into `source` or beside the number"
        );
        assert!(card.source.len() > 80, "{name}: `source` says where the numbers come from");
        assert!(!card.streams.is_empty(), "{name}: a robot sends something");
        for hand in &card.hands {
            hand_within_limits(name, card, hand);
        }
        let unknown = ["unknown", "drafted"];
        let model = card.kinematics.iter().flat_map(|model| [&model.package, &model.licence]);
        for text in model.chain([&card.vendor, &card.model, &card.revision]) {
            assert!(!unknown.contains(&text.as_str()), "{name}: {text} is a draft's word");
        }
    }
}

fn hand_within_limits(name: &str, card: &Card, hand: &Hand) {
    for (joint, (open, closed)) in hand.joints.iter().zip(hand.open.iter().zip(&hand.closed)) {
        let index = card.joint_index(joint).expect("from_toml checks it");
        let [low, high] = card.joints[index].position;
        for position in [open, closed] {
            assert!((low..=high).contains(position), "{name}: {joint} cannot stand at {position}");
        }
    }
    assert_ne!(hand.open, hand.closed, "{name}: a hand closes");
}

#[test]
fn cards_say_what_their_models_say() {
    let truths: BTreeMap<String, Truth> = truth::all().into_iter().collect();
    let (mut compared, mut wrong) = (0, Vec::new());
    for (name, card) in cards().iter().filter(|(_, card)| card.kinematics.is_some()) {
        let truth = truth_of(name, &truths).and_then(|truth| truths.get(&truth));
        let models = models(card, truth);
        if models.is_empty() {
            eprintln!("skipped: no model of {name} in .deps/robots nor among the vendors' (set ETUDE_DATA)");
        }
        for path in models {
            let options = BodyOptions {
                freeze_free_joints: true,
                skip_missing_includes: true,
                ..BodyOptions::default()
            };
            let body = Body::from_path(&path, &options).expect("a model that others read too");
            compare(card, &body, &mut |what| wrong.push(format!("{name}, {}: {what}", path.display())));
            compared += 1;
        }
    }
    eprintln!("{compared} models compared with cards");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tells of everything in a card that its model does not bear out.
fn compare(card: &Card, body: &Body, tell: &mut impl FnMut(String)) {
    for joint in &card.joints {
        match body.joint(&joint.name) {
            Ok(id) => compare_joint(card, joint, body, id, tell),
            Err(error) => tell(error.to_string()),
        }
    }
    let torso = card.kinematics.iter().map(|model| &model.torso_body);
    let ends = card.end_effectors.iter().map(|end| &end.body);
    for frame in torso.chain(ends).chain(card.sensors.iter().map(|sensor| &sensor.body)) {
        if let Err(error) = body.frame(frame) {
            tell(error.to_string());
        }
    }
}

fn compare_joint(card: &Card, joint: &Joint, body: &Body, id: JointId, tell: &mut impl FnMut(String)) {
    let limits = body.limits(id);
    let scale = joint.unit.to_si().unwrap_or(1.0);
    let canonical = |wire: f64| (joint.sign * wire + joint.offset) * scale;
    let ends = joint.position.map(canonical);
    let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    if low < limits.lower - SAME || high > limits.upper + SAME {
        let range = [limits.lower, limits.upper];
        tell(format!("`{}` moves within {range:?}, the card says {ends:?}", joint.name));
    }
    if joint.velocity * scale > limits.velocity + SAME {
        tell(format!("`{}` moves at {}, the card says {}", joint.name, limits.velocity, joint.velocity));
    }
    let slides = joint.kind == CardKind::Prismatic;
    let unit_fits = matches!((slides, joint.unit), (true, Unit::Metre) | (false, Unit::Radian));
    if slides != (body.kind(id) == JointKind::Prismatic) || !unit_fits {
        tell(format!("`{}` is {:?} in {}", joint.name, body.kind(id), joint.unit));
    }
    if (joint.kind == CardKind::Continuous) != (limits.lower.is_infinite() && limits.upper.is_infinite()) {
        tell(format!("`{}` is {:?}, the model's range is {limits:?}", joint.name, joint.kind));
    }
    compare_coupling(card, joint, body, id, tell);
}

/// A follower has the coupling of the model, and says so unless the joint it follows is not on the card.
fn compare_coupling(card: &Card, joint: &Joint, body: &Body, id: JointId, tell: &mut impl FnMut(String)) {
    let coupled = body.mimic(id).map(|mimic| (body.joint_name(mimic.source), mimic.multiplier, mimic.offset));
    let said = joint.mimic.as_ref().map(|mimic| (mimic.joint.as_str(), mimic.ratio, mimic.offset));
    let agree = match (coupled, said) {
        (Some(model), Some(card)) => {
            model.0 == card.0 && (model.1 - card.1).abs() < SAME && (model.2 - card.2).abs() < SAME
        }
        (Some((source, ..)), None) => card.joint_index(source).is_none(),
        (None, Some(_)) => false,
        (None, None) => true,
    };
    if !agree {
        tell(format!("`{}` follows {coupled:?} in the model, {said:?} on the card", joint.name));
    }
}

#[test]
fn cards_say_what_is_true_of_their_models() {
    let truths: BTreeMap<String, Truth> = truth::all().into_iter().collect();
    let mut wrong = Vec::new();
    for (name, card) in &cards() {
        let Some(model) = &card.kinematics else { continue };
        let Some(truth) = truth_of(name, &truths).and_then(|truth| truths.get(&truth)) else { continue };
        for joint in &card.joints {
            let slot = joint.slot.as_ref().map_or("none".to_owned(), ToString::to_string);
            match truth.joints.get(&joint.name) {
                Some(slots) if slots.all().contains(&slot) => {}
                slots => wrong.push(format!("{name}: {} is {slot}, in truth {slots:?}", joint.name)),
            }
        }
        if !truth.torso.is_empty() && !truth.torso.contains(&model.torso_body) {
            wrong.push(format!("{name}: the torso is {:?}, not {}", truth.torso, model.torso_body));
        }
        let length = truth.left_arm_length_m.or(truth.right_arm_length_m);
        if let Some(length) = length.filter(|it| (model.arm_length_m / it - 1.0).abs() > LENGTH_SLACK) {
            wrong.push(format!("{name}: an arm is {length} m long, not {}", model.arm_length_m));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
