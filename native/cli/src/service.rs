//! A web service that requests are passed on to: one connection for each, over HTTP/1.1, with the header fields that it
//! is given and no others but `host` and the length.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use transport::dial::dial;
use transport::http1::Http1;
use transport::names::Names;
use transport::tls::TlsClient;
use transport::{BaseUrl, TlsOptions};

/// How long the service may take for one request, connecting included.
const PATIENCE: Duration = Duration::from_secs(30);
/// Longest answer that is kept, in bytes.
const MAX_BODY: usize = 1024 * 1024;
/// Fields that belong to one connection (RFC 9110, 7.6.1), or that this side makes itself.
const OF_CONNECTION: [&str; 9] = [
    "connection",
    "proxy-connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "transfer-encoding",
    "content-length",
    "expect",
];

/// A web service.
pub(crate) struct Service {
    base: BaseUrl,
    /// Where all requests go; unset if each goes to its own path.
    path: Option<String>,
    tls: Option<TlsClient>,
    names: Names,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    /// Its status.
    pub status: u16,
    /// Its fields, without those of the connection.
    pub headers: Vec<(String, String)>,
    /// The body, at most 1 MiB of it.
    pub body: Bytes,
}

impl Service {
    /// The service at a URL. If the URL has a path, all requests go to it. `ca` is trusted in place of the system's
    /// certificates.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL or the file.
    pub fn open(url: &str, ca: Option<&Path>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error| format!("{url}: {error}"))?;
        let https = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(format!("{url}: expected http://HOST or https://HOST")),
        };
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if authority.contains('@') {
            return Err("a URL with a name and a password is not supported".to_owned());
        }
        let host = uri.host().unwrap_or_default();
        let base = BaseUrl {
            https,
            host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if https { 443 } else { 80 }),
        };
        if base.host.is_empty() {
            return Err(format!("{url}: expected http://HOST or https://HOST"));
        }
        let tls = https
            .then(|| {
                let options = TlsOptions {
                    cacertfile: ca.map(Path::to_path_buf),
                    ..TlsOptions::default()
                };
                TlsClient::open(&options, &base.host, false)
            })
            .transpose()
            .map_err(|error| error.to_string())?
            .map(|(client, _warnings)| client);
        let path = uri.path_and_query().map(PathAndQuery::as_str);
        Ok(Self {
            base,
            path: path.filter(|path| *path != "/").map(str::to_owned),
            tls,
            names: Names::default(),
        })
    }

    /// The URL that a request for that path goes to.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.base.https { "https" } else { "http" };
        format!("{scheme}://{}{}", self.base.authority(), self.target(path))
    }

    fn target<'a>(&'a self, path: &'a str) -> &'a str {
        self.path.as_deref().unwrap_or(path)
    }

    /// Sends a request, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[[String; 2]],
        body: Bytes,
    ) -> Result<Answer, String> {
        let request = self.request(method, path, headers, body)?;
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[[String; 2]],
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, String> {
        let text = |error: &dyn std::fmt::Display| error.to_string();
        let method = Method::from_bytes(method.as_bytes()).map_err(|error| text(&error))?;
        let mut builder = Request::builder()
            .method(method)
            .uri(self.target(path))
            .header(HOST, self.base.authority());
        for [name, value] in headers {
            if OF_CONNECTION
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known))
                || name.eq_ignore_ascii_case("host")
            {
                continue;
            }
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| text(&error))?;
            let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|error| text(&error))?;
            builder = builder.header(name, value);
        }
        builder = builder.header(CONTENT_LENGTH, body.len());
        builder.body(Full::new(body)).map_err(|error| text(&error))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let (stream, _) = dial(&self.names, &self.base, self.tls.as_ref(), false)
            .await
            .map_err(|error| error.text)?;
        let mut connection = Http1::new(stream).await.map_err(|error| error.text)?;
        let response = connection
            .exchange(request)
            .await
            .map_err(|error| error.text)?;
        let (head, mut body) = response.into_parts();
        let headers = head.headers.iter();
        let headers = headers
            .filter(|(name, _)| !OF_CONNECTION.contains(&name.as_str()))
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str().to_owned(), value)
            });
        Ok(Answer {
            status: head.status.as_u16(),
            headers: headers.collect(),
            body: whole(&mut connection, &mut body).await,
        })
    }
}

async fn whole(connection: &mut Http1, body: &mut Incoming) -> Bytes {
    let mut read = Vec::new();
    while !body.is_end_stream() && read.len() < MAX_BODY {
        let part = connection.next_part(body).await;
        if part.is_empty() {
            break;
        }
        let room = MAX_BODY - read.len();
        read.extend_from_slice(part.get(..room).unwrap_or(&part));
    }
    read.into()
}

#[cfg(test)]
mod tests {
    use super::Service;

    #[test]
    fn a_url_without_a_path_keeps_that_of_the_request() {
        let url = |base: &str| Service::open(base, None).unwrap().url("/n?a");
        assert_eq!(url("http://localhost:3000"), "http://localhost:3000/n?a");
        assert_eq!(url("http://[::1]:3000/"), "http://[::1]:3000/n?a");
        assert_eq!(
            url("http://a.example/hook?x=1"),
            "http://a.example/hook?x=1"
        );
    }

    #[test]
    fn urls_that_cannot_be_used() {
        for url in [
            "localhost:3000",
            "ftp://a",
            "/n",
            "http://",
            "",
            "http://a:b@c/",
        ] {
            assert!(Service::open(url, None).is_err(), "{url}");
        }
    }
}
