//! A developer's servers: started, shared out to one owner, left behind, taken over, stopped.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use dev_stack::{DevStack, Options, Outage, Server, StartError, TestHome, for_tests};
use sqlx::{Connection, Executor, PgConnection};

async fn start(home: &Path) -> Result<DevStack, StartError> {
    start_as(home, false).await
}

async fn start_as(home: &Path, replicated: bool) -> Result<DevStack, StartError> {
    DevStack::start(Options {
        home: Some(home.to_owned()),
        database_url: None,
        amqp_url: None,
        replicated,
        allow_install: true,
        progress: &|_| {},
    })
    .await
}

async fn start_given(database_url: Option<&str>, amqp_url: Option<&str>) -> Result<DevStack, StartError> {
    let home = TestHome::create().await;
    DevStack::start(Options {
        home: Some(home.path().to_owned()),
        database_url: database_url.map(str::to_owned),
        amqp_url: amqp_url.map(str::to_owned),
        replicated: false,
        allow_install: true,
        progress: &|_| {},
    })
    .await
}

fn run(home: &Path, tool: &str, arguments: &[&str]) -> String {
    let output = Command::new(home.join("bin").join(tool))
        .args(arguments)
        .output()
        .expect("the tool can be run");
    assert!(
        output.status.success(),
        "{tool}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the tool prints text")
}

/// Starts a process that owns the stack of a home, and waits until it is up.
fn start_owner(home: &Path) -> Child {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_dev-stack"))
        .env("MARQUEE_HOME", home)
        .env_remove("MARQUEE_DATABASE_URL")
        .env_remove("MARQUEE_AMQP_URL")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the owner can be run");
    let said = BufReader::new(owner.stdout.take().expect("its output is piped"));
    assert!(
        said.lines()
            .map_while(Result::ok)
            .any(|line| line.contains("Ctrl-C stops them")),
        "it did not start"
    );
    owner
}

fn send(signal: &str, process: &Child) {
    let pid = process.id().to_string();
    assert!(
        Command::new("sh")
            .args(["-c", "kill -s $0 $1", signal, &pid])
            .status()
            .expect("the shell can be run")
            .success()
    );
}

#[tokio::test]
async fn a_stack_has_one_owner_keeps_its_data_and_leaves_no_process() {
    let home = TestHome::create().await;
    let stack = start(home.path()).await.unwrap();
    let mut connection = PgConnection::connect(stack.database_url()).await.unwrap();
    connection.execute("CREATE TABLE kept (id int)").await.unwrap();
    assert_eq!(
        run(home.path(), "psql", &["-Atc", "SELECT current_user"]).trim(),
        "marquee_admin"
    );
    assert!(run(home.path(), "rabbitmqctl", &["list_users"]).contains("marquee_admin"));
    let shown = stack.describe();
    assert!(
        shown.contains("management at http://127.0.0.1:") && shown.contains("bin/rabbitmqctl"),
        "{shown}"
    );
    let password = std::fs::read_to_string(home.path().join("rabbitmq/password")).unwrap();
    assert!(!shown.contains(password.trim()), "{shown}");

    let second = start(home.path()).await.err().unwrap();
    assert!(matches!(second, StartError::HomeInUse { .. }), "{second}");
    assert!(second.to_string().contains("in use by another process"), "{second}");

    stack.stop().await;
    assert!(home.servers().is_empty());

    let again = start(home.path()).await.unwrap();
    let mut connection = PgConnection::connect(again.database_url()).await.unwrap();
    connection.execute("SELECT id FROM kept").await.unwrap();
    drop(connection);
    drop(again);
    assert!(home.servers().is_empty(), "dropping a stack stops it");
}

/// What both servers of a pair answer, in the order of the url's addresses.
async fn ask_both(stack: &DevStack, question: &str) -> Vec<bool> {
    let (user, rest) = stack.database_url().split_once('@').expect("a user");
    let (addresses, database) = rest.split_once('/').expect("a database");
    let mut answers = Vec::new();
    for address in addresses.split(',') {
        let mut connection = PgConnection::connect(&format!("{user}@{address}/{database}"))
            .await
            .expect("it takes connections");
        answers.push(
            sqlx::query_scalar(question)
                .fetch_one(&mut connection)
                .await
                .expect("an answer"),
        );
    }
    answers
}

#[tokio::test]
async fn a_standby_takes_over_with_all_that_was_committed_and_what_was_the_primary_follows_it() {
    const IS_STANDBY: &str = "SELECT pg_is_in_recovery()";
    let home = TestHome::create().await;
    let mut stack = start_as(home.path(), true).await.unwrap();
    assert_eq!(stack.amqp_url().matches("127.0.0.1").count(), 3, "three nodes");
    assert_eq!(ask_both(&stack, IS_STANDBY).await, [false, true]);
    let first = stack.database_url().split(',').next().unwrap().to_owned() + "/postgres";
    let mut connection = PgConnection::connect(&first).await.unwrap();
    connection.execute("CREATE TABLE committed ()").await.unwrap();

    let primary = (Server::PostgreSql, 0, Outage::Frozen);
    stack.take_away(primary.0, primary.1, primary.2).await.unwrap();
    stack.bring_back(primary.0, primary.1, primary.2).await.unwrap();
    assert_eq!(ask_both(&stack, IS_STANDBY).await, [true, false]);
    let is_there = "SELECT to_regclass('committed') IS NOT NULL";
    assert_eq!(ask_both(&stack, is_there).await, [true, true]);

    stack.kill_server(Server::PostgreSql).await;
    stack.start_server_again(Server::PostgreSql).await.unwrap();
    assert_eq!(ask_both(&stack, IS_STANDBY).await, [true, false]);
    stack.stop().await;
    assert!(home.servers().is_empty());
}

#[tokio::test]
async fn servers_left_behind_by_a_killed_owner_are_taken_over() {
    let home = TestHome::create().await;
    let mut owner = start_owner(home.path());
    send("KILL", &owner);
    owner.wait().unwrap();
    let left = home.servers();
    assert!(left.len() >= 2, "database and broker: {left:?}");

    let stack = start(home.path()).await.unwrap();
    let now = home.servers();
    assert!(
        left.iter().all(|server| now.contains(server)),
        "nothing was started anew: {left:?}, {now:?}"
    );
    PgConnection::connect(stack.database_url()).await.unwrap();
    stack.stop().await;
    assert!(home.servers().is_empty());
}

#[tokio::test]
async fn an_owner_that_is_told_to_end_stops_its_servers_and_exits_cleanly() {
    let home = TestHome::create().await;
    let mut owner = start_owner(home.path());
    send("INT", &owner);
    let status = tokio::task::spawn_blocking(move || owner.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success());
    assert!(home.servers().is_empty());
}

#[tokio::test]
async fn a_database_url_that_does_not_work_is_explained_without_its_password() {
    let servers = for_tests().await;
    let mut url = url::Url::parse(servers.database_url()).unwrap();
    url.set_password(Some("wrong-secret")).unwrap();
    let explained = |result: Result<DevStack, StartError>| result.err().unwrap().to_string();

    let wrong_password = explained(start_given(Some(url.as_str()), None).await);
    assert!(wrong_password.starts_with("MARQUEE_DATABASE_URL:"), "{wrong_password}");
    assert!(
        wrong_password.contains("password authentication failed"),
        "{wrong_password}"
    );
    assert!(!wrong_password.contains("wrong-secret"), "{wrong_password}");

    let unreachable = explained(start_given(Some("postgres://me:wrong-secret@127.0.0.1:1/postgres"), None).await);
    assert!(unreachable.contains("127.0.0.1:1 cannot be reached"), "{unreachable}");
    assert!(!unreachable.contains("wrong-secret"), "{unreachable}");

    let senseless = explained(start_given(Some("127.0.0.1:wrong-secret"), None).await);
    assert!(senseless.contains("it is no postgres://"), "{senseless}");
    assert!(!senseless.contains("wrong-secret"), "{senseless}");
}

#[tokio::test]
async fn a_broker_url_that_does_not_work_is_explained_without_its_password() {
    let servers = for_tests().await;
    let mut url = url::Url::parse(servers.amqp_url()).unwrap();
    url.set_path("nowhere");
    let explained = |result: Result<DevStack, StartError>| result.err().unwrap().to_string();

    let vhost = explained(start_given(None, Some(url.as_str())).await);
    assert!(
        vhost.starts_with("MARQUEE_AMQP_URL:") && vhost.contains("nowhere"),
        "{vhost}"
    );

    url.set_password(Some("wrong-secret")).unwrap();
    let password = explained(start_given(None, Some(url.as_str())).await);
    assert!(password.contains("the user or the password is wrong"), "{password}");

    let foreign = servers.database_url().replace("postgres://", "amqp://");
    let foreign = explained(start_given(None, Some(&foreign)).await);
    assert!(foreign.contains("does not speak AMQP"), "{foreign}");
}

#[tokio::test]
async fn given_servers_are_used_and_left_alone() {
    let servers = for_tests().await;
    let stack = start_given(Some(servers.database_url()), Some(servers.amqp_url()))
        .await
        .unwrap();
    assert_eq!(
        (stack.database_url(), stack.amqp_url()),
        (servers.database_url(), servers.amqp_url())
    );
    assert!(
        stack.describe().contains("as given by MARQUEE_AMQP_URL"),
        "{}",
        stack.describe()
    );
    stack.stop().await;
    tokio::time::timeout(Duration::from_secs(5), PgConnection::connect(servers.database_url()))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn data_that_cannot_be_used_is_named_and_left_alone() {
    let servers = for_tests().await;
    let home = TestHome::create().await;
    let start = || {
        DevStack::start(Options {
            home: Some(home.path().to_owned()),
            database_url: None,
            amqp_url: Some(servers.amqp_url().to_owned()),
            replicated: false,
            allow_install: true,
            progress: &|_| {},
        })
    };
    start().await.unwrap().stop().await;
    let data = home.path().join("postgres/data");
    if !data.exists() {
        // A server in a container keeps its data in a volume, out of the reach of this test.
        return;
    }
    let (version, control) = (data.join("PG_VERSION"), data.join("global/pg_control"));
    let found = std::fs::read_to_string(&version).unwrap();

    std::fs::write(&version, "8.4\n").unwrap();
    let error = start().await.err().unwrap();
    assert!(
        matches!(&error, StartError::IncompatibleData { found, .. } if found == "8.4"),
        "{error}"
    );

    std::fs::write(&version, found).unwrap();
    std::fs::write(&control, "nonsense").unwrap();
    let error = start().await.err().unwrap();
    assert!(
        matches!(
            &error,
            StartError::Failed {
                server: Server::PostgreSql,
                ..
            }
        ),
        "{error}"
    );
    assert!(
        error.to_string().contains("pg_control"),
        "the server's own words are shown: {error}"
    );

    std::fs::remove_file(home.path().join("postgres/password")).unwrap();
    let error = start().await.err().unwrap();
    assert!(matches!(&error, StartError::DamagedData { .. }), "{error}");
    assert_eq!(std::fs::read_to_string(&control).unwrap(), "nonsense");
}
