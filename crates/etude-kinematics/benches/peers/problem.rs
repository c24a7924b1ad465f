//! What is solved: the two bodies of a Unitree G1, where they start, and what their wrists shall reach. It is also written
//! as URDF, MJCF and JSON, so that every engine solves the same.

use std::fmt::Write as _;
use std::path::Path;

use etude_kinematics::geometry::{LinkCapsule, PairOptions};
use etude_kinematics::{
    Body, BodyOptions, FrameId, FrameTarget, Geometry, JointId, JointKind, JointLimits, Poses, SelfCollision,
};
use nalgebra::{Isometry3, Vector3};
use serde_json::{Value, json};

/// Step of time, s.
pub(crate) const DT_S: f64 = 0.02;
/// Most steps per target.
pub(crate) const MAX_STEPS: usize = 100;
/// Highest speed of every joint, rad/s.
pub(crate) const SPEED_RAD_S: f64 = 10.0;
/// Weight of the posture.
pub(crate) const POSTURE_WEIGHT: f64 = 1e-3;
/// Weights of wrists: per metre, per radian.
pub(crate) const WRIST_WEIGHTS: (f64, f64) = (1.0, 0.5);
/// Weights of feet that are held.
const FOOT_WEIGHTS: (f64, f64) = (10.0, 10.0);
/// Distance that is kept between links, and below which it is heeded, m.
pub(crate) const COLLISION_M: (f64, f64) = (0.01, 0.1);

/// One body with its targets.
pub(crate) struct Problem {
    pub(crate) name: &'static str,
    pub(crate) body: Body,
    /// Scalar joints that move, in the order of the tree.
    pub(crate) joints: Vec<JointId>,
    /// The free joint, where the base moves.
    pub(crate) base: Option<JointId>,
    pub(crate) start: Vec<f64>,
    /// Seed of the random reaches.
    seed: u64,
    /// Frames that are held where they are at the start.
    held: Vec<FrameId>,
    wrists: [FrameId; 2],
    /// Wrist poses to reach where links may meet, and where they are kept apart.
    targets: [Vec<[Isometry3<f64>; 2]>; 2],
    pub(crate) collision: SelfCollision,
}

impl Problem {
    /// The upper body of 17 joints on a fixed pelvis, or all 29 joints on a free one.
    pub(crate) fn new(model: &Path, whole: bool, count: usize, seed: u64) -> Self {
        let options = BodyOptions { freeze_free_joints: !whole, ..BodyOptions::default() };
        let mut body = Body::from_path(model, &options).expect("the G1's model reads");
        let upper = ["waist", "shoulder", "elbow", "wrist"];
        let lower = ["hip", "knee", "ankle"];
        let named =
            |joint: &JointId, parts: &[&str]| parts.iter().any(|part| body.joint_name(*joint).contains(part));
        let scalar = body.moving_joints().filter(|&joint| body.kind(joint).is_scalar());
        let joints: Vec<JointId> =
            scalar.filter(|joint| named(joint, &upper) || whole && named(joint, &lower)).collect();
        let base = body.moving_joints().find(|&joint| body.kind(joint) == JointKind::Free);
        for &joint in &joints {
            let limits = JointLimits { velocity: SPEED_RAD_S, ..body.limits(joint) };
            body.set_limits(joint, limits).expect("a speed above zero");
        }
        let start = ready(&body);
        let frame = |name: &str| body.frame(name).expect("the G1 has it");
        let wrists = [frame("left_wrist_yaw_link"), frame("right_wrist_yaw_link")];
        let held = if whole {
            vec![frame("left_ankle_roll_link"), frame("right_ankle_roll_link")]
        } else {
            Vec::new()
        };
        let geometry = Geometry::from_path(&body, model).expect("the G1's shapes read");
        let pairs = PairOptions { sound_postures: vec![start.clone()], ..PairOptions::default() };
        let collision = SelfCollision::new(&body, &geometry, &pairs);
        let name = if whole { "w35" } else { "u17" };
        let mut problem = Self {
            name,
            joints,
            base,
            start,
            held,
            wrists,
            seed,
            targets: [Vec::new(), Vec::new()],
            collision,
            body,
        };
        problem.targets = [false, true].map(|apart| problem.reaches(count, apart));
        problem
    }

    /// Wrist poses to reach.
    pub(crate) fn targets(&self, apart: bool) -> &[[Isometry3<f64>; 2]] {
        &self.targets[usize::from(apart)]
    }

    /// Wrist poses of random postures: 80 % of the joints' ranges, 40 % of the waist's; with links `apart` if so wanted.
    fn reaches(&self, count: usize, apart: bool) -> Vec<[Isometry3<f64>; 2]> {
        let mut state = self.seed;
        let mut unit = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        let mut poses = Poses::new(&self.body);
        let mut targets = Vec::with_capacity(count);
        while targets.len() < count {
            let mut goal = self.start.clone();
            for &joint in &self.joints {
                let name = self.body.joint_name(joint);
                if ["hip", "knee", "ankle"].iter().any(|part| name.contains(part)) {
                    continue;
                }
                let limits = self.body.limits(joint);
                let share = if name.contains("waist") { 0.4 } else { 0.8 };
                let (centre, half) =
                    (f64::midpoint(limits.lower, limits.upper), (limits.upper - limits.lower) / 2.0);
                goal[self.index(joint)] = centre + half * share * (2.0 * unit() - 1.0);
            }
            poses.update(&self.body, &goal);
            let nearest = self.collision.nearest(&self.body, &poses).filter(|_| apart);
            if nearest.is_none_or(|(_, _, distance_m)| distance_m > 0.02) {
                targets.push(self.wrists.map(|frame| poses.world_from_frame(&self.body, frame)));
            }
        }
        targets
    }

    pub(crate) fn index(&self, joint: JointId) -> usize {
        self.body.position_index(joint).expect("it moves")
    }

    /// All targets of one reach.
    pub(crate) fn frame_targets(&self, wrists: &[Isometry3<f64>; 2]) -> Vec<FrameTarget> {
        let wrists = self.wrists.iter().zip(wrists).map(|(&frame, &pose)| {
            FrameTarget::pose(frame, pose).with_weights(WRIST_WEIGHTS.0, WRIST_WEIGHTS.1)
        });
        let mut poses = Poses::new(&self.body);
        poses.update(&self.body, &self.start);
        let held = self.held.iter().map(|&frame| {
            FrameTarget::pose(frame, poses.world_from_frame(&self.body, frame))
                .with_weights(FOOT_WEIGHTS.0, FOOT_WEIGHTS.1)
        });
        wrists.chain(held).collect()
    }

    /// Where the wrists are at the start.
    pub(crate) fn start_wrists(&self) -> [Isometry3<f64>; 2] {
        let mut poses = Poses::new(&self.body);
        poses.update(&self.body, &self.start);
        self.wrists.map(|frame| poses.world_from_frame(&self.body, frame))
    }

    /// The link that carries the head.
    pub(crate) fn torso(&self) -> FrameId {
        self.body.frame("torso_link").expect("the G1 has a torso")
    }

    /// All joints that this problem's variables are made of.
    pub(crate) fn variables(&self) -> Vec<JointId> {
        self.base.iter().chain(&self.joints).copied().collect()
    }

    /// Writes `NAME.urdf`, `NAME.xml` and `NAME.json` for the peers.
    pub(crate) fn write(&self, folder: &Path) -> std::io::Result<()> {
        let file = |ending: &str| folder.join(format!("{}.{ending}", self.name));
        let writer = Writer::new(self);
        std::fs::write(file("urdf"), writer.urdf())?;
        std::fs::write(file("xml"), writer.mjcf())?;
        std::fs::write(file("json"), self.json(&writer).to_string())
    }

    fn json(&self, writer: &Writer<'_>) -> Value {
        let name = |frame: FrameId| writer.link(self.body.frame_of(frame).joint);
        let target = |target: &FrameTarget| {
            json!({
                "link": name(target.frame),
                "pose": matrix(&target.world_from_frame),
                "position_weight": target.position_weight,
                "orientation_weight": target.orientation_weight,
            })
        };
        let reaches = |apart: bool| -> Vec<Vec<Value>> {
            let all = self.targets(apart).iter();
            all.map(|wrists| self.frame_targets(wrists).iter().map(&target).collect()).collect()
        };
        let start: Vec<Value> = self
            .joints
            .iter()
            .map(|&joint| json!([self.body.joint_name(joint), self.start[self.index(joint)]]))
            .collect();
        let carrier = |index: usize| {
            let link = self.collision.capsules()[index].link;
            writer.carrier(self.body.frame_of(link).joint)
        };
        let moved = self.collision.pairs().iter().filter(|&&(one, other)| carrier(one) != carrier(other));
        let pairs = moved.map(|&(one, other)| json!([one, other]));
        json!({
            "dt_s": DT_S,
            "max_steps": MAX_STEPS,
            "speed_rad_s": SPEED_RAD_S,
            "posture_weight": POSTURE_WEIGHT,
            "margin_m": COLLISION_M.0,
            "influence_m": COLLISION_M.1,
            "start": start,
            "world_from_base": matrix(&writer.world_from_root),
            "free_base": self.base.is_some(),
            "reaches": reaches(false),
            "reaches_apart": reaches(true),
            "pairs": pairs.collect::<Vec<_>>(),
        })
    }
}

/// Standing, knees a little bent, forearms forward.
fn ready(body: &Body) -> Vec<f64> {
    let mut positions = body.rest().to_vec();
    for (part, position) in
        [("elbow", 1.0), ("shoulder_pitch", 0.2), ("hip_pitch", -0.2), ("knee", 0.4), ("ankle_pitch", -0.2)]
    {
        for joint in body.moving_joints().filter(|&joint| body.joint_name(joint).contains(part)) {
            positions[body.position_index(joint).expect("it moves")] = position;
        }
    }
    for (joint, position) in [("left_shoulder_roll_joint", 0.2), ("right_shoulder_roll_joint", -0.2)] {
        let joint = body.joint(joint).expect("the G1 has it");
        positions[body.position_index(joint).expect("it moves")] = position;
    }
    positions
}

/// Row by row, [4, 4].
fn matrix(pose: &Isometry3<f64>) -> Vec<f64> {
    pose.to_homogeneous().transpose().iter().copied().collect()
}

/// Writes the moving joints alone; what else there is stands still where it starts.
struct Writer<'a> {
    problem: &'a Problem,
    poses: Poses,
    world_from_root: Isometry3<f64>,
}

impl<'a> Writer<'a> {
    fn new(problem: &'a Problem) -> Self {
        let mut poses = Poses::new(&problem.body);
        poses.update(&problem.body, &problem.start);
        let pelvis = problem.body.frame("pelvis").expect("the G1 has a pelvis");
        let world_from_root = poses.world_from_frame(&problem.body, pelvis);
        Self { problem, poses, world_from_root }
    }

    /// The link that a joint of the body carries: its own where it moves, else that of the next one above that does.
    fn link(&self, joint: JointId) -> String {
        self.carrier(joint).map_or("pelvis".to_owned(), |joint| format!("{}_link", self.name(joint)))
    }

    fn name(&self, joint: JointId) -> &str {
        self.problem.body.joint_name(joint)
    }

    fn carrier(&self, joint: JointId) -> Option<JointId> {
        let mut at = Some(joint).filter(|joint| joint.index() != 0);
        while let Some(joint) = at.filter(|joint| !self.problem.joints.contains(joint)) {
            at = self.problem.body.parent(joint);
        }
        at
    }

    fn world_from(&self, carrier: Option<JointId>) -> Isometry3<f64> {
        carrier.map_or(self.world_from_root, |joint| *self.poses.world_from_joint(joint))
    }

    /// The joint's parent and its pose there at displacement zero.
    fn place(&self, joint: JointId) -> (Option<JointId>, Isometry3<f64>) {
        let body = &self.problem.body;
        let above = body.parent(joint);
        let world_from_above =
            above.map_or(Isometry3::identity(), |above| *self.poses.world_from_joint(above));
        let parent = above.and_then(|above| self.carrier(above));
        (parent, self.world_from(parent).inverse() * world_from_above * body.joint_in_parent(joint))
    }

    fn capsules(
        &self,
        carrier: Option<JointId>,
    ) -> impl Iterator<Item = (usize, LinkCapsule, Isometry3<f64>)> {
        let body = &self.problem.body;
        let all = self.problem.collision.capsules().iter().enumerate();
        all.filter_map(move |(index, capsule)| {
            let joint = body.frame_of(capsule.link).joint;
            let own = self.carrier(joint);
            let carrier_from_joint = self.world_from(own).inverse() * self.poses.world_from_joint(joint);
            (own == carrier).then_some((index, *capsule, carrier_from_joint))
        })
    }

    /// URDF has no capsules; Pinocchio takes a cylinder for one where the link says so under `collision_checking`.
    fn urdf(&self) -> String {
        let mut text = String::from("<robot name=\"g1\">\n");
        for carrier in std::iter::once(None).chain(self.problem.joints.iter().copied().map(Some)) {
            let link = carrier.map_or("pelvis".to_owned(), |joint| self.link(joint));
            let _ = writeln!(
                text,
                "<link name=\"{link}\"><inertial><mass value=\"1\"/><inertia ixx=\"1\" iyy=\"1\" izz=\"1\" ixy=\"0\" \
                 ixz=\"0\" iyz=\"0\"/></inertial>"
            );
            let names = self.capsules(carrier).map(|(index, ..)| format!("<capsule name=\"c{index}\"/>"));
            let _ = writeln!(text, "<collision_checking>{}</collision_checking>", names.collect::<String>());
            for (index, capsule, place) in self.capsules(carrier) {
                let placed = capsule.in_joint.moved(&place);
                let along = placed.end_m - placed.start_m;
                let middle = Isometry3::from_parts(
                    ((placed.start_m + placed.end_m) / 2.0).into(),
                    nalgebra::UnitQuaternion::rotation_between(&Vector3::z(), &along).unwrap_or_default(),
                );
                let _ = writeln!(
                    text,
                    "<collision name=\"c{index}\">{}<geometry><cylinder radius=\"{}\" length=\"{}\"/></geometry></collision>",
                    origin(&middle),
                    placed.radius_m,
                    along.norm().max(1e-6)
                );
            }
            text.push_str("</link>\n");
        }
        for &joint in &self.problem.joints {
            let (parent, place) = self.place(joint);
            let parent = parent.map_or("pelvis".to_owned(), |joint| self.link(joint));
            let (limits, axis) = (self.problem.body.limits(joint), self.problem.body.axis(joint));
            let _ = writeln!(
                text,
                "<joint name=\"{name}\" type=\"revolute\">{}<parent link=\"{parent}\"/><child link=\"{}\"/>\
                 <axis xyz=\"{} {} {}\"/><limit lower=\"{}\" upper=\"{}\" velocity=\"{SPEED_RAD_S}\" effort=\"100\"/></joint>",
                origin(&place),
                self.link(joint),
                axis.x,
                axis.y,
                axis.z,
                limits.lower,
                limits.upper,
                name = self.name(joint),
            );
        }
        text + "</robot>\n"
    }

    fn mjcf(&self) -> String {
        let free = if self.problem.base.is_some() { "<freejoint name=\"base\"/>" } else { "" };
        let mut text = String::from("<mujoco><compiler angle=\"radian\"/><worldbody>\n");
        let _ = writeln!(text, "<body name=\"pelvis\" {}>{free}{INERTIAL}", place(&self.world_from_root));
        self.mjcf_below(None, &mut text);
        text + "</body></worldbody></mujoco>\n"
    }

    fn mjcf_below(&self, carrier: Option<JointId>, text: &mut String) {
        for (index, capsule, place) in self.capsules(carrier) {
            let placed = capsule.in_joint.moved(&place);
            let (from, mut to) = (placed.start_m, placed.end_m);
            if (to - from).norm() < 1e-6 {
                to.z += 1e-6;
            }
            let _ = writeln!(
                text,
                "<geom name=\"c{index}\" type=\"capsule\" size=\"{}\" fromto=\"{} {} {} {} {} {}\"/>",
                placed.radius_m, from.x, from.y, from.z, to.x, to.y, to.z
            );
        }
        for &joint in &self.problem.joints {
            let (parent, pose) = self.place(joint);
            if parent != carrier {
                continue;
            }
            let (limits, axis) = (self.problem.body.limits(joint), self.problem.body.axis(joint));
            let _ = writeln!(
                text,
                "<body name=\"{}\" {}><joint name=\"{}\" axis=\"{} {} {}\" range=\"{} {}\"/>{INERTIAL}",
                self.link(joint),
                place(&pose),
                self.name(joint),
                axis.x,
                axis.y,
                axis.z,
                limits.lower,
                limits.upper
            );
            self.mjcf_below(Some(joint), text);
            text.push_str("</body>\n");
        }
    }
}

const INERTIAL: &str = "<inertial pos=\"0 0 0\" mass=\"1\" diaginertia=\"1 1 1\"/>";

fn origin(pose: &Isometry3<f64>) -> String {
    let (at, (roll, pitch, yaw)) = (pose.translation, pose.rotation.euler_angles());
    format!("<origin xyz=\"{} {} {}\" rpy=\"{roll} {pitch} {yaw}\"/>", at.x, at.y, at.z)
}

fn place(pose: &Isometry3<f64>) -> String {
    let (at, turn) = (pose.translation, pose.rotation);
    format!("pos=\"{} {} {}\" quat=\"{} {} {} {}\"", at.x, at.y, at.z, turn.w, turn.i, turn.j, turn.k)
}
