//! A question about one dependency, asked by `/readyz`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

type Answer = Pin<Box<dyn Future<Output = Result<String, String>> + Send>>;

/// One dependency of a service and how to ask for it; cheap to clone.
///
/// `Ok` and `Err` carry one line for the operator. A question is cut off after two seconds.
#[derive(Clone)]
pub struct Check {
    pub(crate) name: &'static str,
    pub(crate) required: bool,
    ask: Arc<dyn Fn() -> Answer + Send + Sync>,
}

impl Check {
    /// A dependency without which the service cannot answer: while it fails, `/readyz` is 503.
    pub fn required<F, R>(name: &'static str, ask: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, String>> + Send + 'static,
    {
        Self {
            name,
            required: true,
            ask: Arc::new(move || Box::pin(ask())),
        }
    }

    /// A dependency the service can do without for a while: its failure is shown and `/readyz` stays 200.
    pub fn informative<F, R>(name: &'static str, ask: F) -> Self
    where
        F: Fn() -> R + Send + Sync + 'static,
        R: Future<Output = Result<String, String>> + Send + 'static,
    {
        Self {
            required: false,
            ..Self::required(name, ask)
        }
    }

    pub(crate) fn ask(&self) -> Answer {
        (self.ask)()
    }
}

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Check")
            .field("name", &self.name)
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
