//! The same aggregate on cqrs-es and postgres-es as they come.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cqrs_es::persist::{GenericQuery, QueryReplay, ViewRepository};
use cqrs_es::{CqrsFramework, EventEnvelope, View};
use domain::{User, UserCommand, UserEvent};
use postgres_es::{PostgresCqrs, PostgresEventRepository, PostgresViewRepository, postgres_cqrs};
use serde::{Deserialize, Serialize};
use service::BoxError;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Executor, PgPool};

use crate::closed_loop::Worker;
use crate::history::{email, name};

/// As the library gives it, with a table for the view.
const TABLES: &str = "
    CREATE TABLE events (
        aggregate_type text NOT NULL,
        aggregate_id text NOT NULL,
        sequence bigint CHECK (sequence >= 0) NOT NULL,
        event_type text NOT NULL,
        event_version text NOT NULL,
        payload json NOT NULL,
        metadata json NOT NULL,
        PRIMARY KEY (aggregate_type, aggregate_id, sequence)
    );
    CREATE TABLE user_view (
        view_id text NOT NULL,
        version bigint CHECK (version >= 0) NOT NULL,
        payload json NOT NULL,
        PRIMARY KEY (view_id)
    )";

type Views = PostgresViewRepository<UserView, User>;

/// The library on a database of its own.
pub(crate) struct Stock {
    pool: PgPool,
    cqrs: Arc<PostgresCqrs<User>>,
}

impl Stock {
    /// Makes the tables in an empty database.
    pub(crate) async fn open(database_url: &str, connections: u32) -> Result<Self, BoxError> {
        let pool = PgPoolOptions::new()
            .max_connections(connections)
            .min_connections(connections)
            .connect(database_url)
            .await?;
        pool.execute(TABLES).await?;
        let cqrs: CqrsFramework<_, _> = postgres_cqrs(pool.clone(), vec![], ());
        Ok(Self {
            pool,
            cqrs: Arc::new(cqrs),
        })
    }

    /// Someone who registers users and updates their profiles.
    pub(crate) fn worker(&self, prefix: String) -> StockWorker {
        StockWorker {
            cqrs: Arc::clone(&self.cqrs),
            prefix,
            commands: 0,
        }
    }

    /// Appends users with two events each, until there are so many events.
    pub(crate) async fn fill(&self, events: i64) -> Result<(), BoxError> {
        let statement = "INSERT INTO events
            SELECT 'user', 'user-' || user_, sequence, CASE sequence WHEN 1 THEN 'user.created' ELSE 'user.profile.updated' END, '1',
                json_build_object('type', CASE sequence WHEN 1 THEN 'user.created' ELSE 'user.profile.updated' END,
                    'full_name', 'Ada Lovelace ' || user_, 'email', 'ada-' || user_ || '@example.org'), '{}'
            FROM generate_series(1, $1) AS user_, generate_series(1, 2) AS sequence";
        sqlx::query(statement).bind(events / 2).execute(&self.pool).await?;
        Ok(())
    }

    /// Replays everything into an empty view, and tells how long that took.
    pub(crate) async fn replay(&self) -> Result<Duration, BoxError> {
        self.pool.execute("TRUNCATE user_view").await?;
        let views = Arc::new(Views::new("user_view", self.pool.clone()));
        let query = GenericQuery::<Views, UserView, User>::new(views.clone());
        let replay = QueryReplay::new(PostgresEventRepository::new(self.pool.clone()), query);
        let began = Instant::now();
        replay.replay_all().await?;
        let took = began.elapsed();
        // It says nothing of errors: see that it got to the end.
        let last: String = sqlx::query_scalar("SELECT aggregate_id FROM events ORDER BY 1 DESC LIMIT 1")
            .fetch_one(&self.pool)
            .await?;
        match views.load(&last).await? {
            Some(view) if !view.full_name.is_empty() => Ok(took),
            _ => Err("the replay of cqrs-es did not reach the last user".into()),
        }
    }
}

/// Registers a user, then updates the profile, and so on.
pub(crate) struct StockWorker {
    cqrs: Arc<PostgresCqrs<User>>,
    prefix: String,
    commands: i64,
}

impl Worker for StockWorker {
    async fn work(&mut self) -> Result<(), BoxError> {
        let (id, command) = next_command(&self.prefix, &mut self.commands);
        Ok(self.cqrs.execute(&id, command).await?)
    }
}

/// The commands that both sides are given: one user registered, then that user's profile updated.
pub(crate) fn next_command(prefix: &str, commands: &mut i64) -> (String, UserCommand) {
    let user = *commands / 2;
    let id = format!("{prefix}-{}", crate::history::id(user));
    let command = if *commands % 2 == 0 {
        UserCommand::Register {
            full_name: name(user),
            email: Some(email(user)),
        }
    } else {
        UserCommand::UpdateProfile {
            full_name: Some(name(user + 1)),
            email: None,
        }
    };
    *commands += 1;
    (id, command)
}

/// What the stock view keeps of a user.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct UserView {
    full_name: String,
    email: Option<String>,
}

impl View<User> for UserView {
    fn update(&mut self, event: &EventEnvelope<User>) {
        if let UserEvent::Created { full_name, email } | UserEvent::ProfileUpdated { full_name, email } = &event.payload
        {
            self.full_name = full_name.to_string();
            self.email = email.as_ref().map(ToString::to_string);
        }
    }
}
