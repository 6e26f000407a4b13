//! The allocator of every process that runs a service.

/// A command allocates some hundred times; with the C library's allocator that is a fifth of a service's time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
