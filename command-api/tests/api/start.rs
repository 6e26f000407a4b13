//! Starting, and what the process says of itself.

use std::error::Error;

use command_api::{CommandApiArgs, RunError, StartError, run};
use dev_stack::TestDatabase;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::harness::{Api, event_store, url_of};

async fn refused(args: CommandApiArgs) -> String {
    let error = command_api::service(args).await.unwrap_err();
    assert!(matches!(error, StartError::EventStore { .. }), "{error:?}");
    let text = format!("{error}: {}", error.source().unwrap());
    assert!(
        text.contains("MARQUEE_EVENT_STORE_URL") && !text.contains("wrong"),
        "{text}"
    );
    text
}

#[tokio::test]
async fn a_wrong_password_and_a_missing_database_end_the_start_at_once_without_showing_the_password() {
    let database = event_store().await;
    let url = url_of(&database);
    let text = refused(CommandApiArgs::new(url.with_credentials("nobody_at_all", "wrong"))).await;
    assert!(text.contains("nobody_at_all"), "{text}");
    let text = refused(CommandApiArgs::new(url.with_database("no_such_database"))).await;
    assert!(text.contains("no_such_database"), "{text}");
}

#[tokio::test]
async fn a_database_that_was_not_migrated_ends_the_start() {
    let database = TestDatabase::create("unmigrated").await;
    let text = refused(CommandApiArgs::new(database.url().parse().unwrap())).await;
    assert!(text.contains("\"log\" does not exist"), "{text}");
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let database = event_store().await;
    let args = CommandApiArgs {
        listen: taken.local_addr().unwrap(),
        ..CommandApiArgs::new(url_of(&database))
    };
    let error = run(args, CancellationToken::new()).await.unwrap_err();
    assert!(matches!(error, RunError::Listen { .. }), "{error:?}");
    assert!(
        error.to_string().contains(&taken.local_addr().unwrap().to_string()),
        "{error}"
    );
}

#[tokio::test]
async fn a_process_of_its_own_ends_well_when_it_is_told_to_stop() {
    let database = event_store().await;
    let args = CommandApiArgs {
        listen: "127.0.0.1:0".parse().unwrap(),
        ..CommandApiArgs::new(url_of(&database))
    };
    let shutdown = CancellationToken::new();
    shutdown.cancel();
    run(args, shutdown).await.unwrap();
}

#[tokio::test]
async fn readiness_names_the_event_store() {
    let api = Api::start().await;
    let answer = api.client.request("GET", "/readyz").send().await;
    assert_eq!((answer.status, &answer.body["ready"]), (200, &true.into()));
    let check = &answer.body["checks"]["command-api/event_store"];
    assert!(
        check["detail"].as_str().unwrap().contains("at position 0"),
        "{answer:?}"
    );
}
