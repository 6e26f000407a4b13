//! Logs in to a broker and out again, to see that a url works; the few frames of AMQP 0-9-1 this needs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::Duration;

use url::Url;

const FRAME_METHOD: u8 = 1;
const FRAME_END: u8 = 0xCE;
const FRAME_BYTES_MAX: usize = 128 * 1024;
/// Class and method numbers of the specification's `connection` class.
const START: (u16, u16) = (10, 10);
const START_OK: (u16, u16) = (10, 11);
const TUNE: (u16, u16) = (10, 30);
const TUNE_OK: (u16, u16) = (10, 31);
const OPEN: (u16, u16) = (10, 40);
const OPEN_OK: (u16, u16) = (10, 41);
const CLOSE: (u16, u16) = (10, 50);

/// Why the login failed, in words for the person who gave the url.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ProbeError {
    #[error("it is no amqp:// url")]
    Url,
    #[error("{address} cannot be reached: {source}")]
    Unreachable { address: String, source: std::io::Error },
    #[error("{address} does not speak AMQP 0-9-1")]
    Foreign { address: String },
    #[error("the user or the password is wrong")]
    Refused,
    #[error("the broker closed the connection: {0}")]
    Closed(String),
}

/// Connects, logs in, opens the url's vhost. A url with TLS is checked for its reachability only.
pub(crate) fn log_in(url: &str, timeout: Duration) -> Result<(), ProbeError> {
    let url = Url::parse(url).map_err(|_| ProbeError::Url)?;
    let port = match (url.scheme(), url.port()) {
        ("amqp" | "amqps", Some(port)) => port,
        ("amqp", None) => 5672,
        ("amqps", None) => 5671,
        _ => return Err(ProbeError::Url),
    };
    let address = format!("{}:{port}", url.host_str().ok_or(ProbeError::Url)?);
    let stream = connect(&address, timeout).map_err(|source| ProbeError::Unreachable {
        address: address.clone(),
        source,
    })?;
    if url.scheme() == "amqps" {
        return Ok(());
    }
    let mut talk = Talk { stream, address };
    let limits = talk.log_in(
        &decoded(url.username(), "guest"),
        &decoded(url.password().unwrap_or_default(), "guest"),
    )?;
    talk.open(&limits, &decoded(url.path().trim_start_matches('/'), "/"))
}

fn connect(address: &str, timeout: Duration) -> std::io::Result<TcpStream> {
    let mut last = std::io::Error::from(std::io::ErrorKind::NotFound);
    for candidate in address.to_socket_addrs()?.collect::<Vec<SocketAddr>>() {
        match TcpStream::connect_timeout(&candidate, timeout) {
            Ok(stream) => {
                stream.set_read_timeout(Some(timeout))?;
                stream.set_write_timeout(Some(timeout))?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn decoded(text: &str, when_empty: &str) -> String {
    if text.is_empty() {
        when_empty.to_owned()
    } else {
        crate::url_text::decode(text)
    }
}

struct Talk {
    stream: TcpStream,
    address: String,
}

impl Talk {
    /// Gives the limits the broker offers, as it sent them.
    fn log_in(&mut self, user: &str, password: &str) -> Result<Vec<u8>, ProbeError> {
        self.stream
            .write_all(b"AMQP\x00\x00\x09\x01")
            .map_err(|_| self.foreign())?;
        self.expect(START)?;
        let mut arguments = client_properties();
        short_string(&mut arguments, "PLAIN");
        long_bytes(&mut arguments, format!("\0{user}\0{password}").as_bytes());
        short_string(&mut arguments, "en_US");
        self.send(START_OK, &arguments)?;
        match self.expect(TUNE) {
            // A broker that does not know the capability answers a wrong password by closing the socket.
            Err(ProbeError::Foreign { .. } | ProbeError::Closed(_)) => Err(ProbeError::Refused),
            result => result,
        }
    }

    fn open(&mut self, limits: &[u8], vhost: &str) -> Result<(), ProbeError> {
        // Channels, frame size, heartbeat: what the broker offers is accepted; a larger or unlimited frame is not.
        self.send(TUNE_OK, limits)?;
        let mut arguments = Vec::new();
        short_string(&mut arguments, vhost);
        arguments.extend([0, 0]);
        self.send(OPEN, &arguments)?;
        self.expect(OPEN_OK)?;
        // A polite goodbye keeps the broker's log free of warnings.
        let mut farewell = vec![0, 200];
        short_string(&mut farewell, "");
        farewell.extend([0; 4]);
        self.send(CLOSE, &farewell)?;
        let _ = self.receive();
        Ok(())
    }

    fn foreign(&self) -> ProbeError {
        ProbeError::Foreign {
            address: self.address.clone(),
        }
    }

    fn send(&mut self, (class, method): (u16, u16), arguments: &[u8]) -> Result<(), ProbeError> {
        let length = u32::try_from(arguments.len() + 4).map_err(|_| ProbeError::Url)?;
        let mut frame = vec![FRAME_METHOD, 0, 0];
        frame.extend(length.to_be_bytes());
        frame.extend(class.to_be_bytes());
        frame.extend(method.to_be_bytes());
        frame.extend(arguments);
        frame.push(FRAME_END);
        self.stream.write_all(&frame).map_err(|_| self.foreign())
    }

    fn expect(&mut self, wanted: (u16, u16)) -> Result<Vec<u8>, ProbeError> {
        let (method, arguments) = self.receive().ok_or_else(|| self.foreign())?;
        match method {
            method if method == wanted => Ok(arguments),
            CLOSE => Err(close_reason(&arguments)),
            _ => Err(self.foreign()),
        }
    }

    fn receive(&mut self) -> Option<((u16, u16), Vec<u8>)> {
        let mut head = [0; 7];
        self.stream.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([head[3], head[4], head[5], head[6]]) as usize;
        if head[0] != FRAME_METHOD || !(4..=FRAME_BYTES_MAX).contains(&length) {
            return None;
        }
        let mut body = vec![0; length + 1];
        self.stream.read_exact(&mut body).ok()?;
        let method = (
            u16::from_be_bytes([body[0], body[1]]),
            u16::from_be_bytes([body[2], body[3]]),
        );
        (body.pop() == Some(FRAME_END)).then(|| (method, body.split_off(4)))
    }
}

/// A field table that asks for a proper answer to a wrong password: `{capabilities: {authentication_failure_close: true}}`.
fn client_properties() -> Vec<u8> {
    let mut capabilities = Vec::new();
    short_string(&mut capabilities, "authentication_failure_close");
    capabilities.extend([b't', 1]);
    let mut table = Vec::new();
    short_string(&mut table, "capabilities");
    table.push(b'F');
    long_bytes(&mut table, &capabilities);
    let mut properties = Vec::new();
    long_bytes(&mut properties, &table);
    properties
}

/// The arguments of `connection.close` begin with a reply code and a short string.
fn close_reason(arguments: &[u8]) -> ProbeError {
    let text = arguments.get(3..).unwrap_or_default();
    let length = usize::from(arguments.get(2).copied().unwrap_or_default()).min(text.len());
    ProbeError::Closed(String::from_utf8_lossy(&text[..length]).into_owned())
}

fn short_string(buffer: &mut Vec<u8>, text: &str) {
    // Longer ones do not fit the protocol; the broker then refuses the shortened name.
    let bytes = &text.as_bytes()[..text.len().min(255)];
    buffer.push(u8::try_from(bytes.len()).unwrap_or(u8::MAX));
    buffer.extend(bytes);
}

fn long_bytes(buffer: &mut Vec<u8>, bytes: &[u8]) {
    buffer.extend(u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    buffer.extend(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_close_is_told_with_the_brokers_words() {
        let mut arguments = vec![0x01, 0x93];
        short_string(&mut arguments, "NOT_ALLOWED - vhost nowhere not found");
        assert_eq!(
            close_reason(&arguments).to_string(),
            "the broker closed the connection: NOT_ALLOWED - vhost nowhere not found"
        );
        assert_eq!(close_reason(&[]).to_string(), "the broker closed the connection: ");
    }

    #[test]
    fn a_url_of_another_kind_is_refused() {
        assert!(matches!(
            log_in("postgres://localhost", Duration::from_secs(1)),
            Err(ProbeError::Url)
        ));
    }

    #[test]
    fn a_port_where_nobody_listens_is_unreachable() {
        let port = crate::ports::ReservedPort::pick().unwrap();
        let error = log_in(&format!("amqp://127.0.0.1:{}", port.number()), Duration::from_secs(1)).unwrap_err();
        assert!(matches!(error, ProbeError::Unreachable { .. }), "{error}");
    }
}
