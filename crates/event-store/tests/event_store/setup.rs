//! A log of its own for every test, and the commands the tests send.

use std::time::Duration;

use dev_stack::PrivatePostgres;
use dev_stack::testing::TestDatabase;
use domain::{FullName, Metadata, Position, Role, Sequence, User, UserCommand, UserError};
use event_store::{
    CommandRequest, Condition, Connect, EventStore, ExecuteError, Idempotency, LogReader, Outcome, ROLES, StateTag,
    States, StoreConfig, Writer, WriterConfig,
};
use service::database::{DatabaseUrl, PoolOptions, connect_options, ensure_role, pool, pool_and_moves};
use sqlx::{Connection, PgConnection, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// What executing a command on a user gives.
pub(crate) type Executed = Result<Outcome<User>, ExecuteError<UserError, std::convert::Infallible>>;

/// A migrated database.
pub(crate) struct Log {
    pub(crate) database: TestDatabase,
}

/// A store with its running writer, as one process has it.
pub(crate) struct Process {
    pub(crate) store: EventStore,
    writer: JoinHandle<()>,
    stop: CancellationToken,
}

async fn migrate(url: String) -> Result<(), Box<dyn std::error::Error>> {
    let mut owner = PgConnection::connect(&url).await?;
    for role in ROLES {
        ensure_role(&mut owner, role, Some("test")).await?;
    }
    event_store::migrate(&mut owner).await?;
    Ok(owner.close().await?)
}

impl Log {
    pub(crate) async fn create() -> Self {
        let database = TestDatabase::create_built("event_store", migrate).await;
        Self { database }
    }

    /// On a server of the test's own.
    pub(crate) async fn create_on(server: &PrivatePostgres) -> Self {
        let database = TestDatabase::create_on(server.url(), "event_store").await;
        migrate(database.url()).await.expect("migrated");
        Self { database }
    }

    pub(crate) fn url_as(&self, role: &str) -> DatabaseUrl {
        self.database.url_as(role, "test").parse().expect("url")
    }

    /// Connected as the superuser: for looking on, and for what no service may do.
    pub(crate) async fn admin(&self) -> PgConnection {
        PgConnection::connect(&self.database.url()).await.expect("connect")
    }

    /// Changes the log as nobody may but whoever restores a database: without its trigger.
    pub(crate) async fn tamper(&self, statement: &str) {
        let mut admin = self.admin().await;
        sqlx::query("SET session_replication_role = replica")
            .execute(&mut admin)
            .await
            .expect("without triggers");
        sqlx::query(statement).execute(&mut admin).await.expect(statement);
        admin.close().await.expect("close");
    }

    pub(crate) fn pool_as(&self, role: &str) -> PgPool {
        pool(
            &self.url_as(role),
            PoolOptions {
                application_name: "test",
                ..PoolOptions::default()
            },
        )
    }

    pub(crate) fn reader(&self) -> LogReader {
        LogReader::new(self.pool_as("marquee_event_relay"))
    }

    /// Makes a command conditional on a sequence in this log.
    pub(crate) async fn if_match(&self, sequence: i64) -> CommandRequest {
        if_match(self.reader().log_id().await.expect("the log"), sequence)
    }

    pub(crate) fn process(&self) -> Process {
        self.process_with(WriterConfig::default(), self.url_as("marquee_command_api"))
    }

    pub(crate) fn process_with(&self, writer: WriterConfig, writer_url: DatabaseUrl) -> Process {
        let connect = Connect::new(connect_options(&writer_url, "test-writer").into_function());
        let config = StoreConfig {
            writer,
            ..StoreConfig::default()
        };
        Process::start(EventStore::new(self.pool_as("marquee_command_api"), connect, config))
    }

    /// Takes the lock that every append waits for, so that commands queue up behind one that was sent.
    pub(crate) async fn hold_appends(&self) -> PgConnection {
        let mut holder = self.admin().await;
        sqlx::query("SELECT pg_advisory_lock(1)")
            .execute(&mut holder)
            .await
            .expect("lock");
        holder
    }

    /// Waits until an append waits for the lock: it was sent, and what is queued now goes into the next batch.
    pub(crate) async fn append_waits(&self) {
        let mut admin = self.admin().await;
        until(async || self.lock_is_waited_for(&mut admin, "advisory").await).await;
    }

    /// Tells whether somebody waits for a lock of this type.
    pub(crate) async fn lock_is_waited_for(&self, admin: &mut PgConnection, lock_type: &str) -> bool {
        sqlx::query_scalar(
            "SELECT count(*) > 0 FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE d.datname = current_database() AND l.locktype = $1 AND NOT l.granted",
        )
        .bind(lock_type)
        .fetch_one(admin)
        .await
        .expect("locks")
    }

    /// Asserts that positions are dense from 1 and every stream's sequences unbroken; returns the number of events.
    pub(crate) async fn assert_unbroken(&self) -> i64 {
        let mut admin = self.admin().await;
        let (events, last): (i64, i64) = sqlx::query_as("SELECT count(*), coalesce(max(position), 0) FROM events")
            .fetch_one(&mut admin)
            .await
            .expect("count");
        assert_eq!(events, last, "positions are dense");
        let broken: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM (SELECT count(*), max(sequence) FROM events GROUP BY aggregate_type, aggregate_id) s
             WHERE s.count <> s.max",
        )
        .fetch_one(&mut admin)
        .await
        .expect("sequences");
        assert_eq!(broken, 0, "sequences are unbroken");
        events
    }
}

impl Process {
    fn start((store, writer): (EventStore, Writer)) -> Self {
        let stop = CancellationToken::new();
        Self {
            store,
            writer: tokio::spawn(writer.run(stop.clone())),
            stop,
        }
    }

    /// A process that follows the primary among several addresses; and when it last did.
    pub(crate) fn following(url: &DatabaseUrl) -> (Self, watch::Receiver<Option<Instant>>) {
        let (pool, moves) = pool_and_moves(url, PoolOptions::default());
        let connect = Connect::new(connect_options(url, "test-writer").into_function()).following(moves.clone());
        let process = Self::start(EventStore::new(pool, connect, StoreConfig::default()));
        (process, moves)
    }

    pub(crate) async fn execute(&self, id: &str, command: UserCommand) -> Executed {
        self.execute_with(id, command, CommandRequest::default()).await
    }

    pub(crate) async fn execute_with(&self, id: &str, command: UserCommand, request: CommandRequest) -> Executed {
        self.store.execute(id, &request, command).await
    }

    /// Stops the writer as a process that shuts down does, and waits for it.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        self.writer.await.expect("writer");
    }
}

/// Polls a condition, bounded; panics when it never holds.
pub(crate) async fn until(mut condition: impl AsyncFnMut() -> bool) {
    let polling = async {
        while !condition().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), polling)
        .await
        .expect("the condition holds in time");
}

pub(crate) fn name(name: &str) -> FullName {
    FullName::parse(name).expect("a valid name")
}

pub(crate) fn register(full_name: &str) -> UserCommand {
    UserCommand::Register {
        full_name: name(full_name),
        email: None,
    }
}

/// Two events on an unknown user, one on a known one, none when the name is the present one.
pub(crate) fn set_profile(full_name: &str) -> UserCommand {
    UserCommand::SetProfile {
        full_name: Some(name(full_name)),
        email: None,
    }
}

pub(crate) fn grant(role: &str) -> UserCommand {
    UserCommand::GrantRole {
        role: Role::parse(role).expect("a role"),
    }
}

pub(crate) fn if_match(log_id: Uuid, sequence: i64) -> CommandRequest {
    CommandRequest {
        condition: Condition {
            if_match: Some(States::OneOf(vec![StateTag::new(log_id, Sequence(sequence))])),
            ..Condition::default()
        },
        ..CommandRequest::default()
    }
}

/// Makes the commands of a request.
pub(crate) fn of_request(request_id: &str) -> CommandRequest {
    CommandRequest {
        metadata: Metadata {
            correlation_id: Some(request_id.to_owned()),
            ..Metadata::default()
        },
        ..CommandRequest::default()
    }
}

pub(crate) fn keyed(key: &str, hash: &str) -> CommandRequest {
    let idempotency = Idempotency {
        principal: "anonymous".into(),
        key: key.into(),
        request_hash: hash.into(),
        status: 201,
        location: Some(format!("/users/{key}")),
    };
    CommandRequest {
        idempotency: Some(idempotency),
        ..CommandRequest::default()
    }
}

/// Sequence, position and number of events of an accepted command.
#[track_caller]
pub(crate) fn accepted(executed: Executed) -> (Sequence, Position, usize) {
    match executed {
        Ok(Outcome::Accepted {
            sequence,
            position,
            events,
            ..
        }) => (sequence, position, events),
        other => panic!("not accepted: {other:?}"),
    }
}
