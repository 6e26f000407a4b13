//! The process ends in the middle of a stream of commands.

use futures::future::join_all;
use tokio::sync::watch;

use crate::deployment::Deployment;
use crate::log::{assert_acknowledged_once, assert_read_models_equal};
use crate::up::Up;
use crate::writer::{Acknowledged, Writer, reaches};

const ROUNDS: usize = 3;
const WRITERS: usize = 4;
/// Enough of a stream to be in the middle of it.
const ACKNOWLEDGED_BEFORE_THE_END: usize = 40;

fn acknowledged(writers: &[Writer]) -> Vec<Acknowledged> {
    writers.iter().flat_map(|writer| writer.acknowledged.clone()).collect()
}

#[tokio::test]
async fn a_killed_process_loses_nothing_acknowledged_and_doubles_nothing_repeated() {
    let deployment = Deployment::create().await;
    let start = async || Up::start(deployment.marquee(&["--no-demo"])).await;
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    for _ in 0..ROUNDS {
        let Up { process, client, .. } = start().await;
        let count = watch::Sender::new(0);
        let writing = join_all(writers.iter_mut().map(async |writer| {
            writer.repeat_unanswered(&client).await;
            writer.write_while_answered(&client, &count).await;
        }));
        let killing = async {
            reaches(&count, ACKNOWLEDGED_BEFORE_THE_END).await;
            process.kill().await;
        };
        tokio::join!(writing, killing);
    }

    let up = start().await;
    for writer in &mut writers {
        writer.repeat_unanswered(&up.client).await;
        writer.repeat_acknowledged(&up.client).await;
    }
    let mut event_store = deployment.event_store().await.expect("the event store");
    assert_acknowledged_once(&mut event_store, &acknowledged(&writers)).await;
    assert_read_models_equal(&mut event_store, &up.client).await;
}

#[tokio::test]
async fn an_interrupted_process_answers_what_it_has_taken_and_loses_nothing_acknowledged() {
    let deployment = Deployment::create().await;
    let Up { process, client, .. } = Up::start(deployment.marquee(&["up", "--no-demo"])).await;
    let mut writers: Vec<Writer> = (0..WRITERS).map(Writer::new).collect();
    let count = watch::Sender::new(0);
    let writing = join_all(
        writers
            .iter_mut()
            .map(|writer| writer.write_while_answered(&client, &count)),
    );
    let interrupting = async {
        reaches(&count, ACKNOWLEDGED_BEFORE_THE_END).await;
        process.signal("INT").await;
        process.ended().await
    };
    let (_, ended) = tokio::join!(writing, interrupting);

    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut event_store = deployment.event_store().await.expect("the event store");
    assert_acknowledged_once(&mut event_store, &acknowledged(&writers)).await;
}
