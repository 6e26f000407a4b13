//! Finds or starts PostgreSQL and RabbitMQ for a developer's machine and for tests.
