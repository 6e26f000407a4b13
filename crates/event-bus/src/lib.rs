//! The only crate that knows AMQP: topology, envelope, publisher, subscriber.
