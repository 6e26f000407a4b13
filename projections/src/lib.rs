//! Independent projections: RabbitMQ in, read models and their queries out.
