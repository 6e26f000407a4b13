//! The metrics of HTTP, and the recorder all metrics of the process go to.

use std::sync::OnceLock;
use std::time::Duration;

use axum::http::Method;
use metrics::Gauge;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};

/// Requests answered, by method, route template and status.
const REQUESTS: &str = "marquee_http_requests_total";
/// Time from a request's head to its answer's head, by method and route template.
const DURATION: &str = "marquee_http_request_duration_seconds";

/// Connections that are open, by the address they were made to.
const CONNECTIONS: &str = "marquee_http_connections";
/// Requests whose answer has not begun, by the address they came to.
const IN_FLIGHT: &str = "marquee_http_requests_in_flight";

/// From a cached answer to a query that waited as long as it may.
const SECONDS_BUCKETS: [f64; 14] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
];

/// From one command alone to a full batch.
const COUNT_BUCKETS: [f64; 10] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0];

/// Gives the process's recorder, installed by the first caller. `None` if another recorder was installed before.
pub(crate) fn recorder() -> Option<&'static PrometheusHandle> {
    static RECORDER: OnceLock<Option<PrometheusHandle>> = OnceLock::new();
    RECORDER.get_or_init(|| install().ok()).as_ref()
}

fn install() -> Result<PrometheusHandle, BuildError> {
    let suffix = |unit: &str| Matcher::Suffix(unit.to_owned());
    let recorder = PrometheusBuilder::new()
        .set_buckets_for_metric(suffix("_seconds"), &SECONDS_BUCKETS)?
        .set_buckets_for_metric(suffix("_commands"), &COUNT_BUCKETS)?
        .set_buckets_for_metric(suffix("_events"), &COUNT_BUCKETS)?
        .build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder)?;
    metrics::describe_counter!(REQUESTS, "Requests answered.");
    metrics::describe_gauge!(CONNECTIONS, "Connections that are open.");
    metrics::describe_gauge!(IN_FLIGHT, "Requests whose answer has not begun.");
    metrics::describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "Time from a request's head to its answer's head."
    );
    Ok(handle)
}

/// Counts an answered request. The route is a template, never a path: labels must be few.
pub(crate) fn answered(method: &'static str, route: &str, status: u16, took: Duration) {
    let route = route.to_owned();
    metrics::counter!(REQUESTS, "method" => method, "route" => route.clone(), "status" => status.to_string())
        .increment(1);
    metrics::histogram!(DURATION, "method" => method, "route" => route).record(took.as_secs_f64());
}

/// How busy a listener is.
pub(crate) struct Load {
    connections: Gauge,
    in_flight: Gauge,
}

impl Load {
    pub(crate) fn of(address: String) -> Self {
        Self {
            connections: metrics::gauge!(CONNECTIONS, "address" => address.clone()),
            in_flight: metrics::gauge!(IN_FLIGHT, "address" => address),
        }
    }

    /// Counts a connection until what is given is dropped.
    pub(crate) fn connection(&self) -> Counted {
        Counted::one_of(&self.connections)
    }

    /// Counts a request until what is given is dropped.
    pub(crate) fn request(&self) -> Counted {
        Counted::one_of(&self.in_flight)
    }
}

/// One of those that a gauge counts.
pub(crate) struct Counted(Gauge);

impl Counted {
    fn one_of(gauge: &Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Gives the method's name, one name for all that a client may invent.
pub(crate) fn method_label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
