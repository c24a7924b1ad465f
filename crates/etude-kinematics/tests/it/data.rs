//! Where the vendors' models are, and small models written here.

use std::path::{Path, PathBuf};

/// The folder of vendors' models, or nothing with a line that says so.
pub(crate) fn robot_models() -> Option<PathBuf> {
    let root = std::env::var_os("ETUDE_DATA")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"), PathBuf::from);
    let folder = root.join("robot_models");
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("skipped: no vendors' models in {} (set ETUDE_DATA)", folder.display());
    None
}

/// Every file below `folder` whose name ends in one of `endings`, sorted.
pub(crate) fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).expect("the folder was found a moment ago").flatten() {
            let path = entry.path();
            if path.is_dir() {
                open.push(path);
            } else if endings.iter().any(|ending| path.to_string_lossy().ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// A person-sized upper body: a waist, and per side an arm of seven joints.
pub(crate) fn two_arms() -> String {
    let arm = |side: &str, sign: f64| {
        format!(
            r#"<body name="{side}_shoulder" pos="0 {y} 0.4">
              <joint name="{side}_shoulder_pitch" axis="0 1 0" range="-3 2.5"/>
              <body name="{side}_upper" pos="0 {dy} 0">
                <joint name="{side}_shoulder_roll" axis="1 0 0" range="-2 2"/>
                <joint name="{side}_shoulder_yaw" axis="0 0 1" range="-2.5 2.5"/>
                <body name="{side}_forearm" pos="0 0 -0.28">
                  <joint name="{side}_elbow" axis="0 1 0" range="-2.2 0"/>
                  <body name="{side}_wrist" pos="0 0 -0.25">
                    <joint name="{side}_wrist_yaw" axis="0 0 1" range="-2 2"/>
                    <joint name="{side}_wrist_pitch" axis="0 1 0" range="-1.2 1.2"/>
                    <joint name="{side}_wrist_roll" axis="1 0 0" range="-1.2 1.2"/>
                    <site name="{side}_palm" pos="0.02 0 -0.1" euler="0 0.3 0"/>
                    <body name="{side}_finger" pos="0 0.03 -0.12">
                      <joint name="{side}_finger" type="slide" axis="0 1 0" range="0 0.04"/>
                    </body>
                    <body name="{side}_thumb" pos="0 -0.03 -0.12">
                      <joint name="{side}_thumb" type="slide" axis="0 -1 0" range="0 0.04"/>
                    </body>
                  </body>
                </body>
              </body>
            </body>"#,
            y = 0.12 * sign,
            dy = 0.08 * sign,
        )
    };
    format!(
        r#"<mujoco model="two arms">
          <compiler angle="radian"/>
          <worldbody>
            <body name="pelvis" pos="0 0 0.8">
              <freejoint name="base"/>
              <body name="torso" pos="0 0 0.1">
                <joint name="waist_yaw" axis="0 0 1" range="-2.5 2.5"/>
                <joint name="waist_pitch" axis="0 1 0" range="-0.5 0.5" pos="0 0 0.05"/>
                {}{}
              </body>
            </body>
          </worldbody>
          <equality>
            <joint joint1="left_thumb" joint2="left_finger" polycoef="0 1 0 0 0"/>
            <joint joint1="right_thumb" joint2="right_finger" polycoef="0 1 0 0 0"/>
          </equality>
          <actuator><position joint="left_finger" forcerange="-20 20"/></actuator>
        </mujoco>"#,
        arm("left", 1.0),
        arm("right", -1.0),
    )
}

/// `SplitMix64`: the same numbers on every run.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// Evenly from [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        (mixed >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Evenly from [low, high).
    pub(crate) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}
