//! Tests of the whole path, faults included.
