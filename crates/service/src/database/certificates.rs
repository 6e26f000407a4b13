//! Files of certificates that a url names, looked at before anything relies on them.

use std::io;
use std::path::{Path, PathBuf};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// A file that holds no certificates.
#[derive(Debug, thiserror::Error)]
pub enum InvalidCertificates {
    /// It cannot be read.
    #[error("the file {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// Where it should be.
        path: PathBuf,
        /// What the operating system said.
        reason: io::Error,
    },
    /// It is something else.
    #[error("the file {} has no certificate in PEM form", path.display())]
    None {
        /// Where it is.
        path: PathBuf,
    },
}

/// Makes sure that a file has certificates in PEM form, and nothing broken among them.
pub(super) fn check(path: &Path) -> Result<(), InvalidCertificates> {
    let none = || InvalidCertificates::None { path: path.to_owned() };
    let unreadable = |error| match error {
        pem::Error::Io(reason) => InvalidCertificates::Unreadable {
            path: path.to_owned(),
            reason,
        },
        _ => none(),
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unreadable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    if certificates.is_empty() { Err(none()) } else { Ok(()) }
}
