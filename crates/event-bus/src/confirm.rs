//! The broker's answer to a published message.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures::future::{BoxFuture, FutureExt};
use lapin::{Confirmation, PublisherConfirm};

use crate::BusError;

/// The broker's answer to a message on its way: a future, ready when the answer is there.
///
/// `Ok` means exactly that the broker has taken responsibility for the message. Dropping it does not call the
/// message back.
pub struct Confirm(BoxFuture<'static, Result<(), BusError>>);

impl Confirm {
    pub(crate) fn new(answer: BoxFuture<'static, Result<(), BusError>>) -> Self {
        Self(answer)
    }
}

impl Future for Confirm {
    type Output = Result<(), BusError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.poll_unpin(context)
    }
}

impl std::fmt::Debug for Confirm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Confirm")
    }
}

/// Waits for the answer. A returned message or one without a confirm is a failure: neither can happen on our channels.
pub(crate) async fn answer(confirm: PublisherConfirm) -> Result<(), BusError> {
    match confirm.await.map_err(|source| BusError::Lost { source })? {
        Confirmation::Ack(None) => Ok(()),
        Confirmation::Nack(_) => Err(BusError::Nacked),
        Confirmation::Ack(Some(_)) | Confirmation::NotRequested => Err(BusError::NotConfirmed),
    }
}
