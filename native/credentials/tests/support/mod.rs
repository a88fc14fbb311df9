//! A token endpoint whose answers the tests prepare, and a folder for files.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use credentials::Tools;
use files::Remark;
use rustls::crypto::ring;
use rustls::{RootCertStore, ServerConfig};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// What takes longer has hung.
pub const BOUND: Duration = Duration::from_mins(1);

pub enum Answer {
    Raw(String),
    /// This body if `authorization` has this value, 401 otherwise.
    OnlyTo(&'static str, &'static str),
    /// A body that does not end.
    Endless,
    /// No answer.
    Close,
}

impl Answer {
    pub fn raw(text: &str) -> Self {
        Self::Raw(text.to_owned())
    }

    pub fn json(status: u16, body: &str) -> Self {
        let length = body.len();
        Self::Raw(format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
    }
}

#[derive(Clone, Debug)]
pub struct Request {
    pub head: String,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Answers each request with the next answer, and then with the last one again.
pub struct Endpoint {
    base: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Endpoint {
    pub async fn start(answers: Vec<Answer>) -> Self {
        Self::listen(answers, None).await
    }

    /// With a certificate of its own, and what trusts it.
    pub async fn start_tls(answers: Vec<Answer>) -> (Self, Arc<RootCertStore>) {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        let mut trust = RootCertStore::empty();
        trust.add(made.cert.der().clone()).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let endpoint = Self::listen(answers, Some(TlsAcceptor::from(Arc::new(config)))).await;
        (endpoint, Arc::new(trust))
    }

    async fn listen(answers: Vec<Answer>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let requests = Arc::<Mutex<Vec<Request>>>::default();
        let shared = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                match &tls {
                    None => serve(stream, &answers, &shared).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &answers, &shared).await;
                        }
                    }
                }
            }
        });
        Self {
            base: format!("{scheme}://localhost:{port}"),
            requests,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    answers: &[Answer],
    requests: &Mutex<Vec<Request>>,
) {
    let mut read = Vec::new();
    let request = loop {
        let mut chunk = [0; 4096];
        let Ok(count @ 1..) = stream.read(&mut chunk).await else {
            return;
        };
        read.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&read).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let (head, body) = (format!("{head}\r\n"), body.to_owned());
            let request = Request { head, body };
            let length = request
                .header("content-length")
                .map_or(0, |text| text.parse().unwrap());
            if request.body.len() >= length {
                break request;
            }
        }
    };
    let authorization = request.header("authorization").map(str::to_owned);
    let count = {
        let mut requests = requests.lock().unwrap();
        requests.push(request);
        requests.len()
    };
    let answer = match &answers[count.min(answers.len()) - 1] {
        Answer::OnlyTo(right, body) if authorization.as_deref() == Some(right) => {
            &Answer::json(200, body)
        }
        Answer::OnlyTo(..) => &Answer::json(401, "{}"),
        other => other,
    };
    match answer {
        Answer::Raw(text) => {
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
        }
        Answer::Endless => {
            let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
            let _ = stream.write_all(head.as_bytes()).await;
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        }
        Answer::Close | Answer::OnlyTo(..) => {}
    }
}

/// A folder that is removed at the end.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("credentials-{}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn write(&self, name: &str, content: &str) -> PathBuf {
        let new = self.path("new");
        std::fs::write(&new, content).unwrap();
        std::fs::rename(new, self.path(name)).unwrap();
        self.path(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Tools that remember what they were told.
pub struct Told {
    pub tools: Tools,
    told: Arc<Mutex<Vec<Remark>>>,
}

impl Told {
    pub fn told(&self) -> Vec<Remark> {
        self.told.lock().unwrap().clone()
    }
}

pub fn tools() -> Told {
    let told = Arc::<Mutex<Vec<Remark>>>::default();
    let shared = Arc::clone(&told);
    let tools = Tools {
        names: Arc::default(),
        tell: Arc::new(move |remark| shared.lock().unwrap().push(remark)),
        trust: None,
    };
    Told { tools, told }
}

/// Asks again until there is an answer.
pub async fn eventually<T>(ask: impl AsyncFn() -> Option<T>) -> T {
    let asking = async {
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BOUND, asking)
        .await
        .expect("it comes to pass")
}
