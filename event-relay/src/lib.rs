//! Publishes the log to RabbitMQ: in order, confirmed, at least once.
