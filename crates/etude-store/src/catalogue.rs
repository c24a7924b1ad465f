//! The tables: an index over a centre's files.
//!
//! One connection, so that writers of one process queue instead of colliding; other processes wait for each other by
//! SQLite's own lock. Every write is one IMMEDIATE transaction.

mod rows;

use crate::error::Error;
use crate::filter::Filter;
use crate::record::{EpisodeRow, NewEpisode, Page, ReleaseRow, VerdictLayer, VerdictRow};
use etude_model::id::{CampaignId, RobotSerial, SceneId, StationId, TaskId, TrainerId};
use etude_model::manifest::{ClockKind, Origin};
use etude_model::{Digest, LogTime, Manifest, Topic};
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{QueryBuilder, Row, Sqlite, SqlitePool, Transaction};
use std::path::Path;
use std::time::Duration;

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How long a write waits for another process.
const BUSY: Duration = Duration::from_mins(1);

/// What a list reads; the order of [`rows::episode`].
const EPISODE_COLUMNS: &str = "digest, episode, task, scene, station, campaign, robot, trainer, embodiment, card, \
     origin, clock, outcome, licence, started_us, duration_us, bytes, added_us, verdict, rules, accepted";

/// The tables of a centre.
#[derive(Clone, Debug)]
pub struct Catalogue {
    pool: SqlitePool,
}

impl Catalogue {
    /// Opens the database at this path, makes it where there is none, and brings its tables to this version.
    pub async fn open(path: &Path) -> Result<Self, Error> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(BUSY * 2)
            .connect_with(options)
            .await
            .map_err(Error::database("opening it"))?;
        MIGRATIONS.run(&pool).await?;
        Ok(Self { pool })
    }

    /// Closes the database; what was written is in its file.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn begin(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        self.pool.begin_with("BEGIN IMMEDIATE").await.map_err(Error::database("beginning a change"))
    }

    /// Files an episode's row; `false` where it was there before. `now_us`: µs since 1970-01-01 UTC.
    pub async fn add(
        &self,
        new: &NewEpisode,
        digest: Digest,
        bytes: u64,
        now_us: i64,
    ) -> Result<bool, Error> {
        let mut change = self.begin().await?;
        let known: Option<String> = sqlx::query_scalar("SELECT digest FROM episodes WHERE episode = ?")
            .bind(new.manifest.episode.as_str())
            .fetch_optional(&mut *change)
            .await
            .map_err(Error::database("looking for the episode"))?;
        if let Some(known) = known {
            let known = rows::digest("episodes", "digest", &known)?;
            if known == digest {
                return Ok(false);
            }
            let episode = new.manifest.episode.to_string();
            return Err(Error::Conflict { episode, known, found: digest });
        }
        insert_episode(&mut change, new, digest, bytes, now_us).await?;
        change.commit().await.map_err(Error::database("filing the episode"))?;
        Ok(true)
    }

    /// The digest under which a take is filed.
    pub async fn digest_of(&self, episode: &str) -> Result<Option<Digest>, Error> {
        let found: Option<String> = sqlx::query_scalar("SELECT digest FROM episodes WHERE episode = ?")
            .bind(episode)
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::database("looking for the episode"))?;
        found.map(|text| rows::digest("episodes", "digest", &text)).transpose()
    }

    /// One episode.
    pub async fn episode(&self, digest: Digest) -> Result<EpisodeRow, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(EPISODE_COLUMNS).push(" FROM episodes WHERE digest = ").push_bind(digest.to_string());
        let row =
            query.build().fetch_optional(&self.pool).await.map_err(Error::database("reading an episode"))?;
        row.as_ref().map_or(Err(Error::NoEpisode(digest)), rows::episode)
    }

    /// One episode's manifest.
    pub async fn manifest(&self, digest: Digest) -> Result<Manifest, Error> {
        let text: Option<String> = sqlx::query_scalar("SELECT manifest FROM episodes WHERE digest = ?")
            .bind(digest.to_string())
            .fetch_optional(&self.pool)
            .await
            .map_err(Error::database("reading a manifest"))?;
        let text = text.ok_or(Error::NoEpisode(digest))?;
        serde_json::from_str(&text).map_err(|error| Error::Row {
            whole: format!("the episode {digest}"),
            column: "manifest",
            expected: "a manifest",
            found: error.to_string(),
        })
    }

    /// Episodes sorted by id.
    pub async fn list(&self, filter: &Filter, page: &Page) -> Result<Vec<EpisodeRow>, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT ");
        query.push(EPISODE_COLUMNS).push(" FROM episodes");
        filter.push_where(&mut query);
        if let Some(after) = &page.after {
            query.push(" AND episode > ").push_bind(after.as_str().to_owned());
        }
        query.push(" ORDER BY episode LIMIT ").push_bind(i64::from(page.limit));
        let found = query.build().fetch_all(&self.pool).await.map_err(Error::database("listing episodes"))?;
        found.iter().map(rows::episode).collect()
    }

    /// How many episodes are meant.
    pub async fn count(&self, filter: &Filter) -> Result<u64, Error> {
        let mut query = QueryBuilder::<Sqlite>::new("SELECT count(*) FROM episodes");
        filter.push_where(&mut query);
        let row = query.build().fetch_one(&self.pool).await.map_err(Error::database("counting episodes"))?;
        let count: i64 = row.try_get(0).map_err(Error::database("counting episodes"))?;
        Ok(count.unsigned_abs())
    }

    /// Files a verdict; it becomes the episode's latest. `false` where this very layer was there before.
    pub async fn add_verdict(
        &self,
        layer: &VerdictLayer,
        digest: Digest,
        now_us: i64,
    ) -> Result<bool, Error> {
        let mut change = self.begin().await?;
        let latest = sqlx::query("UPDATE episodes SET verdict = ?, rules = ?, accepted = ? WHERE digest = ?")
            .bind(digest.to_string())
            .bind(&layer.verdict.rules)
            .bind(i64::from(layer.verdict.accepted))
            .bind(layer.episode.to_string())
            .execute(&mut *change)
            .await
            .map_err(Error::database("filing a verdict"))?;
        if latest.rows_affected() == 0 {
            return Err(Error::NoEpisode(layer.episode));
        }
        let findings = serde_json::to_string(&layer.verdict.findings).expect("findings are plain data");
        let inserted = sqlx::query(
            "INSERT INTO verdicts (layer, digest, rules, accepted, findings, added_us) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (layer) DO NOTHING",
        )
        .bind(digest.to_string())
        .bind(layer.episode.to_string())
        .bind(&layer.verdict.rules)
        .bind(i64::from(layer.verdict.accepted))
        .bind(findings)
        .bind(now_us)
        .execute(&mut *change)
        .await
        .map_err(Error::database("filing a verdict"))?;
        let new = inserted.rows_affected() > 0;
        if new {
            insert_measurements(&mut change, layer, digest).await?;
        }
        change.commit().await.map_err(Error::database("filing a verdict"))?;
        Ok(new)
    }

    /// Every verdict on an episode, oldest first.
    pub async fn verdicts(&self, digest: Digest) -> Result<Vec<VerdictRow>, Error> {
        let found = sqlx::query(
            "SELECT layer, digest, rules, accepted, added_us FROM verdicts WHERE digest = ? ORDER BY added_us, layer",
        )
        .bind(digest.to_string())
        .fetch_all(&self.pool)
        .await
        .map_err(Error::database("reading verdicts"))?;
        found.iter().map(rows::verdict).collect()
    }

    /// Files a release's row; `false` where the same release was there before.
    pub async fn add_release(&self, release: &ReleaseRow) -> Result<bool, Error> {
        let mut change = self.begin().await?;
        let known: Option<String> = sqlx::query_scalar("SELECT digest FROM releases WHERE name = ?")
            .bind(&release.name)
            .fetch_optional(&mut *change)
            .await
            .map_err(Error::database("looking for the release"))?;
        if let Some(known) = known {
            let known = rows::digest("releases", "digest", &known)?;
            if known == release.digest {
                return Ok(false);
            }
            return Err(Error::ReleaseExists { name: release.name.clone(), known });
        }
        sqlx::query(
            "INSERT INTO releases (name, digest, query, episodes, created_us) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&release.name)
        .bind(release.digest.to_string())
        .bind(&release.query)
        .bind(release.episodes)
        .bind(release.created_us)
        .execute(&mut *change)
        .await
        .map_err(Error::database("filing a release"))?;
        change.commit().await.map_err(Error::database("filing a release"))?;
        Ok(true)
    }

    /// Every release, sorted by name.
    pub async fn releases(&self) -> Result<Vec<ReleaseRow>, Error> {
        let found =
            sqlx::query("SELECT name, digest, query, episodes, created_us FROM releases ORDER BY name")
                .fetch_all(&self.pool)
                .await
                .map_err(Error::database("listing releases"))?;
        found.iter().map(rows::release).collect()
    }
}

async fn insert_episode(
    change: &mut Transaction<'static, Sqlite>,
    new: &NewEpisode,
    digest: Digest,
    bytes: u64,
    now_us: i64,
) -> Result<(), Error> {
    let manifest = &new.manifest;
    let text = serde_json::to_string(manifest).expect("a manifest holds only what JSON can write");
    sqlx::query(
        "INSERT INTO episodes (digest, episode, task, scene, station, campaign, robot, trainer, embodiment, card, \
         origin, clock, outcome, licence, started_us, duration_us, bytes, added_us, manifest) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(digest.to_string())
    .bind(manifest.episode.as_str())
    .bind(manifest.task.as_ref().map(TaskId::as_str))
    .bind(manifest.scene.as_ref().map(SceneId::as_str))
    .bind(manifest.station.as_ref().map(StationId::as_str))
    .bind(manifest.campaign.as_ref().map(CampaignId::as_str))
    .bind(manifest.robot_serial.as_ref().map(RobotSerial::as_str))
    .bind(manifest.trainer.as_ref().map(TrainerId::as_str))
    .bind(&manifest.embodiment)
    .bind(manifest.card.to_string())
    .bind(origin_name(manifest.origin))
    .bind(clock_name(manifest.clock))
    .bind(new.outcome.to_string())
    .bind(&manifest.rights.licence)
    .bind(new.started_us)
    .bind(new.duration_us)
    .bind(i64::try_from(bytes).unwrap_or(i64::MAX))
    .bind(now_us)
    .bind(text)
    .execute(&mut **change)
    .await
    .map_err(Error::database("filing the episode"))?;
    Ok(())
}

async fn insert_measurements(
    change: &mut Transaction<'static, Sqlite>,
    layer: &VerdictLayer,
    digest: Digest,
) -> Result<(), Error> {
    for (number, measurement) in (0i64..).zip(&layer.measurements) {
        sqlx::query(
            "INSERT INTO measurements (layer, number, digest, name, topic, channel, value, unit, from_ns, to_ns, \
             detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(digest.to_string())
        .bind(number)
        .bind(layer.episode.to_string())
        .bind(&measurement.name)
        .bind(measurement.topic.as_ref().map(Topic::as_str))
        .bind(&measurement.channel)
        .bind(measurement.value)
        .bind(&measurement.unit)
        .bind(measurement.from.map(LogTime::ns))
        .bind(measurement.to.map(LogTime::ns))
        .bind(&measurement.detail)
        .execute(&mut **change)
        .await
        .map_err(Error::database("filing measurements"))?;
    }
    Ok(())
}

/// The word for an origin in the catalogue and in expressions.
pub const fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Teleoperated => "teleoperated",
        Origin::Autonomous => "autonomous",
        Origin::Intervention => "intervention",
        Origin::Retargeted => "retargeted",
        Origin::Imported => "imported",
        Origin::Simulated => "simulated",
    }
}

/// The word for a clock in the catalogue and in expressions.
pub const fn clock_name(clock: ClockKind) -> &'static str {
    match clock {
        ClockKind::Measured => "measured",
        ClockKind::Simulated => "simulated",
        ClockKind::Synthetic { .. } => "synthetic",
    }
}
