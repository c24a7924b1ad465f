//! `etude robot enroll`: from a model to a card, asking what the model does not say.

use super::subject::{body, drafted, unread};
use crate::cli::EnrollArgs;
use crate::exit;
use crate::hint::Advised;
use crate::output::{Output, count};
use anyhow::Context;
use etude_kinematics::enrol::{self, Draft, card::About};
use etude_model::Card;
use etude_model::card::Doubt;
use std::fs;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Most names that a question lists.
const NAMES_SHOWN: usize = 6;

pub(super) fn run(arguments: &EnrollArgs, output: &Output) -> anyhow::Result<ExitCode> {
    // Nobody answers questions for a card that then cannot be written.
    if let Some(folder) = &arguments.out {
        not_there(&folder.join("card.toml"))?;
    }
    let body = body(&arguments.model)?;
    let (draft, geometry) = drafted(&body, &arguments.model);
    if let Err(error) = geometry {
        output.note(&unread(&error));
    }
    let about = About {
        vendor: arguments.vendor.clone(),
        model: arguments.model_name.clone(),
        path: arguments.model.display().to_string(),
        package: arguments.package.clone(),
        licence: arguments.licence.clone(),
    };
    let mut card = enrol::card::card(&body, &draft, &about);
    for remark in body.remarks() {
        output.note(&format!("note: {remark}"));
    }
    tell(&draft, &card, output);
    if arguments.accept {
        let taken = card.accept_unseen();
        output.note(&format!(
            "{} taken as drafted; the card says that nobody looked",
            count(taken, "question")
        ));
    } else if io::stdin().is_terminal() && io::stderr().is_terminal() {
        ask(&mut card, &mut io::stdin().lock(), &mut io::stderr().lock())?;
    } else {
        for doubt in card.open_doubts() {
            output.note(&format!("open: {}", line(doubt)));
        }
    }
    let file = write(&card, arguments.out.as_deref())?;
    let open = card.open_doubts().count();
    if open > 0 {
        output.note(&format!(
            "{} open: the card is a draft and runs no robot until they are answered ([[doubt]] in the card)",
            count(open, "question")
        ));
    }
    output.data(&file.display().to_string())?;
    Ok(exit::DONE)
}

/// What was found, in a few words.
fn tell(draft: &Draft, card: &Card, output: &Output) {
    let slots = card.joints.iter().filter(|joint| joint.slot.is_some()).count();
    let sure =
        draft.joints.iter().filter(|joint| joint.slot.is_some() && joint.confidence >= enrol::SURE).count();
    output.note(&format!(
        "{}: {}, {} with a slot, {sure} of them sure",
        draft.kind.name().replace('_', " "),
        count(card.joints.len(), "joint"),
        slots
    ));
    for arm in &draft.arms {
        let length = arm.length_m.map_or("of unknown length".to_owned(), |length| format!("{length:.3} m"));
        output.note(&format!("  {} arm: {}, {length}", arm.side.name(), count(arm.joints.len(), "joint")));
    }
    for hand in &draft.hands {
        let what = if hand.is_gripper {
            "gripper".to_owned()
        } else {
            let names: Vec<&str> = hand.fingers.iter().map(|finger| finger.name.as_str()).collect();
            format!("hand with {}", names.join(", "))
        };
        output.note(&format!("  {} {what}", hand.side.name()));
    }
    if let Some(clearance) = &draft.home_clearance
        && clearance.moved_rad != [0.0; 2]
    {
        let [out, ahead] = clearance.moved_rad;
        output.note(&format!(
            "  home: shoulders {out:.2} rad outwards and {ahead:.2} rad forwards, so that no link reaches into another"
        ));
    }
}

/// A doubt in one line.
fn line(doubt: &Doubt) -> String {
    let shown: Vec<&str> = doubt.entries.iter().take(NAMES_SHOWN).map(String::as_str).collect();
    let more = doubt.entries.len().saturating_sub(NAMES_SHOWN);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let or = if doubt.alternatives.is_empty() {
        String::new()
    } else {
        format!("; or {}", doubt.alternatives.join(", "))
    };
    format!("{} [{}{or}] ({}{more})", doubt.question, doubt.drafted, shown.join(", "))
}

/// Asks every open question. Enter confirms the draft, `?` leaves it open, anything else is the answer. Where the answers end
/// before the questions do, nobody wants this card.
fn ask(card: &mut Card, input: &mut impl BufRead, out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "Enter keeps what is drafted, `?` leaves the question open, anything else is the answer.")?;
    let asked = card.open_doubts().count();
    for place in 0..card.doubts.len() {
        while let Some(doubt) = card.doubts.get(place).filter(|doubt| doubt.settled.is_none()) {
            write!(out, "{}\n> ", line(doubt))?;
            out.flush()?;
            let mut answer = String::new();
            if input.read_line(&mut answer)? == 0 {
                writeln!(out)?;
                return Err(Advised::new(
                    format!(
                        "stopped with {} of {asked} questions open; no card was written",
                        card.open_doubts().count()
                    ),
                    "`?` leaves one question open, --accept takes all of them as drafted",
                )
                .into());
            }
            let settled = match answer.trim() {
                "?" => break,
                "" => card.settle(place, None),
                answer => card.settle(place, Some(answer)),
            };
            match settled {
                Ok(()) => break,
                Err(error) => writeln!(out, "{error}")?,
            }
        }
    }
    Ok(())
}

fn write(card: &Card, out: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = out.map_or_else(|| Path::new("robots").join(folder_name(card)), Path::to_owned);
    let file = folder.join("card.toml");
    not_there(&file)?;
    fs::create_dir_all(&folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    // Under its name it is whole or not at all.
    let part = folder.join("card.toml.part");
    fs::write(&part, card.to_toml())
        .and_then(|()| fs::rename(&part, &file))
        .with_context(|| format!("{} cannot be written", file.display()))?;
    Ok(file)
}

/// Refuses to write where a card is.
fn not_there(file: &Path) -> anyhow::Result<()> {
    if !file.exists() {
        return Ok(());
    }
    let hint =
        "a card is never overwritten: name another folder with --out, or compare with `etude robot diff`";
    Err(Advised::new(format!("{} is there already", file.display()), hint).into())
}

/// Maker and model as a folder's name.
fn folder_name(card: &Card) -> String {
    let mut name = String::new();
    for character in format!("{} {}", card.vendor, card.model).chars() {
        match character {
            c if c.is_ascii_alphanumeric() => name.push(c.to_ascii_lowercase()),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    name.trim_end_matches('_').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn card() -> Card {
        let text = r#"
            schema = 1
            vendor = "unknown"
            model = "Arm (two)"
            revision = "drafted"
            source = "a test"
            [[doubt]]
            entries = ["vendor"]
            question = "Who makes it?"
            drafted = "unknown"
            confidence = 0.0
            [[doubt]]
            entries = ["joint"]
            question = "In this order?"
            drafted = "yes"
            confidence = 0.5
        "#;
        Card::from_toml(text).expect("a draft")
    }

    #[test]
    fn answers_are_taken_and_question_marks_leave_open() {
        let (mut card, mut out) = (card(), Vec::new());
        ask(&mut card, &mut "Maker\n?\n".as_bytes(), &mut out).expect("it is asked");
        assert_eq!((card.vendor.as_str(), card.open_doubts().count()), ("Maker", 1));
        assert_eq!(folder_name(&card), "maker_arm_two");
        ask(&mut card, &mut "\n".as_bytes(), &mut out).expect("it is asked again");
        assert_eq!(card.open_doubts().count(), 0);
        let stopped = ask(&mut self::card(), &mut "Maker\n".as_bytes(), &mut out).expect_err("an end");
        assert!(stopped.to_string().contains("1 of 2 questions open; no card was written"), "{stopped}");
        let text = String::from_utf8(out).expect("text");
        assert!(text.contains("Who makes it? [unknown]"), "{text}");
    }
}
