//! What every service shares: configuration, telemetry, health, problem+json, graceful shutdown.
