//! Rows of the database as plain types.

use crate::error::Error;
use crate::record::{EpisodeRow, ReleaseRow, VerdictRow};
use etude_model::Digest;
use etude_model::id::EpisodeId;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Row, Sqlite, Type};

/// A digest out of a column of text.
pub(super) fn digest(table: &str, column: &'static str, text: &str) -> Result<Digest, Error> {
    text.parse().map_err(|_| Error::Row {
        whole: format!("a row of {table}"),
        column,
        expected: "a digest",
        found: text.to_owned(),
    })
}

fn get<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: &'static str,
) -> Result<T, Error> {
    row.try_get(column).map_err(Error::database("reading a row"))
}

fn get_digest(row: &SqliteRow, table: &str, column: &'static str) -> Result<Digest, Error> {
    digest(table, column, get::<&str>(row, column)?)
}

/// A row of `episodes`.
pub(super) fn episode(row: &SqliteRow) -> Result<EpisodeRow, Error> {
    let verdict: Option<&str> = get(row, "verdict")?;
    Ok(EpisodeRow {
        digest: get_digest(row, "episodes", "digest")?,
        episode: EpisodeId::new(get::<&str>(row, "episode")?),
        task: get(row, "task")?,
        scene: get(row, "scene")?,
        station: get(row, "station")?,
        campaign: get(row, "campaign")?,
        robot: get(row, "robot")?,
        trainer: get(row, "trainer")?,
        embodiment: get(row, "embodiment")?,
        card: get_digest(row, "episodes", "card")?,
        origin: get(row, "origin")?,
        clock: get(row, "clock")?,
        outcome: get(row, "outcome")?,
        licence: get(row, "licence")?,
        started_us: get(row, "started_us")?,
        duration_us: get(row, "duration_us")?,
        bytes: get(row, "bytes")?,
        added_us: get(row, "added_us")?,
        verdict: verdict.map(|text| digest("episodes", "verdict", text)).transpose()?,
        rules: get(row, "rules")?,
        accepted: get::<Option<i64>>(row, "accepted")?.map(|value| value != 0),
    })
}

/// A row of `verdicts`.
pub(super) fn verdict(row: &SqliteRow) -> Result<VerdictRow, Error> {
    Ok(VerdictRow {
        layer: get_digest(row, "verdicts", "layer")?,
        digest: get_digest(row, "verdicts", "digest")?,
        rules: get(row, "rules")?,
        accepted: get::<i64>(row, "accepted")? != 0,
        added_us: get(row, "added_us")?,
    })
}

/// A row of `releases`.
pub(super) fn release(row: &SqliteRow) -> Result<ReleaseRow, Error> {
    Ok(ReleaseRow {
        name: get(row, "name")?,
        digest: get_digest(row, "releases", "digest")?,
        query: get(row, "query")?,
        episodes: get(row, "episodes")?,
        created_us: get(row, "created_us")?,
    })
}
