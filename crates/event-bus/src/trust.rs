//! Whom a connection with TLS believes: the certificate authorities of the system, or those of one file and no others.

use std::io;
use std::path::PathBuf;

use lapin::tcp::{RustlsConnector, RustlsConnectorConfig};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};

/// Certificate authorities, read anew for each connection: a file that was replaced counts from the next one on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    System,
    File(PathBuf),
}

/// A file with certificate authorities that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Untrusted {
    #[error("the file {} cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: io::ErrorKind },
    #[error("the file {} has no certificate in PEM form", path.display())]
    NoCertificates { path: PathBuf },
}

impl Trust {
    /// Makes sure that there are certificates to believe.
    ///
    /// # Errors
    /// The file cannot be read, or has none.
    pub(crate) fn check(&self) -> Result<(), Untrusted> {
        match self {
            Self::System => Ok(()),
            Self::File(path) => certificates(path).map(drop),
        }
    }

    /// # Errors
    /// There are no certificates to believe.
    pub(crate) fn connector(&self) -> io::Result<RustlsConnector> {
        let config = match self {
            Self::System => RustlsConnectorConfig::new_with_native_certs()?,
            Self::File(path) => {
                let certificates = certificates(path).map_err(io::Error::other)?;
                RustlsConnectorConfig::default().with_parsable_certificates(certificates)
            }
        };
        config.connector_with_no_client_auth()
    }
}

fn certificates(path: &PathBuf) -> Result<Vec<CertificateDer<'static>>, Untrusted> {
    let none = || Untrusted::NoCertificates { path: path.clone() };
    let unusable = |error| match error {
        pem::Error::Io(error) => Untrusted::Unreadable {
            path: path.clone(),
            reason: error.kind(),
        },
        _ => none(),
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(unusable)?;
    let certificates = certificates.collect::<Result<Vec<_>, _>>().map_err(unusable)?;
    if certificates.is_empty() {
        Err(none())
    } else {
        Ok(certificates)
    }
}
