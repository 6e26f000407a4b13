//! One keep-alive connection to a service, as thin as a correct one can be.

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use service::BoxError;
use tokio::net::TcpStream;

/// Sends one request after the other.
pub(crate) struct Connection {
    requests: SendRequest<Full<Bytes>>,
    host: String,
}

impl Connection {
    /// Connects to `http://HOST:PORT`.
    pub(crate) async fn open(url: &str) -> Result<Self, BoxError> {
        let host = url
            .strip_prefix("http://")
            .ok_or("the url must begin with http://")?
            .to_owned();
        let stream = TcpStream::connect(&host).await?;
        stream.set_nodelay(true)?;
        let (requests, connection) = handshake(TokioIo::new(stream)).await?;
        // It ends with the connection; what went wrong is told to whoever waits for an answer.
        tokio::spawn(connection);
        Ok(Self { requests, host })
    }

    /// POSTs a JSON body, expects 201, and gives the position of the event.
    pub(crate) async fn post(&mut self, path: &str, body: String) -> Result<i64, BoxError> {
        let request = Request::post(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::from(body))?;
        let response = self.send(request, StatusCode::CREATED).await?;
        let position = response
            .headers()
            .get("event-position")
            .and_then(|value| value.to_str().ok());
        let position = position.and_then(|position| position.parse().ok());
        response.into_body().collect().await?;
        Ok(position.unwrap_or(0))
    }

    /// Queries what has been written up to a position; the service waits for it.
    pub(crate) async fn get_at(&mut self, path: &str, position: i64) -> Result<(), BoxError> {
        let request = Request::get(path)
            .header(HOST, &self.host)
            .header("min-position", position)
            .header("prefer", "wait=10")
            .body(Full::default())?;
        self.send(request, StatusCode::OK).await?.into_body().collect().await?;
        Ok(())
    }

    async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        expected: StatusCode,
    ) -> Result<Response<Incoming>, BoxError> {
        let (method, path): (Method, String) = (request.method().clone(), request.uri().to_string());
        self.requests.ready().await?;
        let response = self.requests.send_request(request).await?;
        if response.status() == expected {
            return Ok(response);
        }
        let status = response.status();
        let body = response.into_body().collect().await?.to_bytes();
        Err(format!(
            "{method} {path} was answered {status}: {}",
            String::from_utf8_lossy(&body)
        )
        .into())
    }
}
