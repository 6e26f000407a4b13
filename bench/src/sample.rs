//! What one run has shown.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use crate::cpu::Cpu;

/// What is recorded of latencies: up to a minute, to a tenth of a percent.
const LATENCY_MICROSECONDS_MAX: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// One run of one side of a pair. Also what a client process prints as its last line.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    /// Commands, events or requests per second.
    pub(crate) per_second: f64,
    /// Milliseconds; 0 where no latency is measured.
    pub(crate) p50_ms: f64,
    /// Milliseconds; 0 where no latency is measured.
    pub(crate) p99_ms: f64,
    /// Who used the processors.
    pub(crate) cpu: Cpu,
}

impl Sample {
    /// So much was done in so much time.
    pub(crate) fn of_work(count: i64, elapsed: Duration, cpu: Cpu) -> Self {
        Self {
            per_second: count as f64 / elapsed.as_secs_f64(),
            cpu,
            ..Self::default()
        }
    }

    /// What was recorded in so much time.
    pub(crate) fn of_latencies(latencies: &Latencies, elapsed: Duration) -> Self {
        Self {
            per_second: latencies.0.len() as f64 / elapsed.as_secs_f64(),
            p50_ms: latencies.quantile_ms(0.5),
            p99_ms: latencies.quantile_ms(0.99),
            cpu: Cpu::default(),
        }
    }

    pub(crate) fn with_cpu(self, cpu: Cpu) -> Self {
        Self { cpu, ..self }
    }
}

/// Latencies of one run.
#[derive(Clone, Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_max(LATENCY_MICROSECONDS_MAX, SIGNIFICANT_DIGITS).expect("the bounds are valid"))
    }

    pub(crate) fn record(&mut self, latency: Duration) {
        self.0
            .saturating_record(u64::try_from(latency.as_micros()).unwrap_or(LATENCY_MICROSECONDS_MAX));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("both have the same bounds");
    }

    fn quantile_ms(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1_000.0
    }
}
