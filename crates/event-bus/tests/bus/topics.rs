//! Our reading of topic patterns is the broker's.

use std::collections::BTreeSet;

use dev_stack::TestVhost;
use event_bus::Binding;
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Confirmation};

use crate::event::Stranger;

const PATTERNS: [&str; 18] = [
    "",
    "#",
    "*",
    "*.*",
    "user",
    "user.#",
    "user.*",
    "user.profile.*",
    "user.profile.updated",
    "#.updated",
    "*.profile.*",
    "#.profile.#",
    "user.#.updated",
    "#.#",
    "*.#",
    "user.*.*.#",
    "..",
    "user..*",
];
const KEYS: [&str; 14] = [
    "",
    "user",
    "user.created",
    "user.profile.updated",
    "user.profile",
    "user.profile.updated.twice",
    "movie.updated",
    "updated",
    "a.profile.b",
    ".",
    "..",
    "user.",
    "user..updated",
    "profile",
];

#[tokio::test]
async fn the_broker_routes_as_a_binding_matches() {
    let vhost = TestVhost::create().await;
    let stranger = Stranger::connect(&vhost.amqp_url()).await;
    let channel = &stranger.channel;
    for (number, pattern) in PATTERNS.iter().enumerate() {
        stranger.bind(&format!("q{number}"), &[("amq.topic", pattern)]).await;
    }
    channel
        .confirm_select(ConfirmSelectOptions::default())
        .await
        .expect("confirms");
    for key in KEYS {
        let options = BasicPublishOptions::default();
        let sent = channel.basic_publish(
            "amq.topic".into(),
            key.into(),
            options,
            key.as_bytes(),
            BasicProperties::default(),
        );
        let confirmed = sent.await.expect("sent").await.expect("answered");
        assert_eq!(confirmed, Confirmation::Ack(None));
    }
    for (number, pattern) in PATTERNS.into_iter().enumerate() {
        let mut routed = BTreeSet::new();
        let options = BasicGetOptions { no_ack: true };
        while let Some(message) = channel
            .basic_get(format!("q{number}").into(), options)
            .await
            .expect("an answer")
        {
            routed.insert(String::from_utf8(message.delivery.data).expect("a key"));
        }
        let binding = Binding {
            exchange: "amq.topic",
            pattern,
        };
        let matched: BTreeSet<String> = KEYS
            .iter()
            .filter(|key| binding.matches(key))
            .map(|key| key.to_string())
            .collect();
        assert_eq!(matched, routed, "the pattern {pattern:?}");
    }
}
