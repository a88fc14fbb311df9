//! Who may use the page: the person at this machine, with a page of this server.
//!
//! Web pages from elsewhere can make a browser send requests here. Three things keep them out. A name of theirs that
//! resolves to this machine (DNS rebinding) is not accepted as `Host`, which must be an address or `localhost`. What
//! changes something needs `Origin` to be this server, if there is one, and a type that a form cannot send. And browsers
//! say with `Sec-Fetch-Site` if a request comes from another site.

use std::net::IpAddr;

use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::uri::Authority;
use http::{Method, Request};

/// What the page may load, and from where: its own files.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

/// Whether a request may be served.
///
/// # Errors
///
/// Why not.
pub(super) fn check<B>(request: &Request<B>, remote: bool) -> Result<(), &'static str> {
    let text = |name: HeaderName| {
        let mut values = request.headers().get_all(name).iter();
        match (values.next(), values.next()) {
            (Some(value), None) => Ok(value.to_str().ok()),
            (None, _) => Ok(None),
            _ => Err("a header field is there twice"),
        }
    };
    let host = text(HOST)?.filter(|host| is_here(host, remote));
    let Some(host) = host else {
        return Err("Host is neither localhost nor an address of this machine");
    };
    let site = text(HeaderName::from_static("sec-fetch-site"))?;
    let is_ours = matches!(site, None | Some("same-origin" | "none"));
    let is_page = request.method() == Method::GET && request.uri().path() == "/";
    // A link on another site may lead to the page.
    if !is_ours && !is_page {
        return Err("the request comes from another site");
    }
    if request.method() == Method::GET {
        return Ok(());
    }
    let origin = text(ORIGIN)?;
    if origin.is_some_and(|origin| origin.strip_prefix("http://") != Some(host)) {
        return Err("Origin is another site");
    }
    if request.headers().contains_key(ORIGIN) && origin.is_none() {
        return Err("Origin is not text");
    }
    if text(CONTENT_TYPE)? != Some("application/json") {
        return Err("Content-Type is not application/json");
    }
    Ok(())
}

/// An address, or `localhost`: nothing that a name server of a stranger can make point here.
fn is_here(host: &str, remote: bool) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    if host.contains('@') {
        return false;
    }
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    match address.parse::<IpAddr>() {
        Ok(address) => remote || address.is_loopback(),
        Err(_) => host.eq_ignore_ascii_case("localhost"),
    }
}

/// Adds what keeps the page to itself.
pub(super) fn protect(headers: &mut HeaderMap) {
    let fields = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ];
    for (name, value) in fields {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(method: &str, path: &str, fields: &[(&str, &str)], remote: bool) -> bool {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        check(&request.body(()).unwrap(), remote).is_ok()
    }

    #[test]
    fn a_name_that_points_here_is_refused() {
        let get = |host, remote| checked("GET", "/events", &[("host", host)], remote);
        for host in [
            "localhost:8001",
            "LOCALHOST",
            "127.0.0.1:1",
            "127.1.2.3",
            "[::1]:8001",
        ] {
            assert!(get(host, false), "{host}");
        }
        let strangers = [
            "evil.example",
            "evil.example:8001",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "a@localhost",
            "",
            "[::1",
            "0x7f.1",
            "127.1",
        ];
        for host in strangers {
            assert!(!get(host, false) && !get(host, true), "{host}");
        }
        for host in ["192.0.2.1:8001", "0.0.0.0", "[2001:db8::1]"] {
            assert!(!get(host, false) && get(host, true), "{host}");
        }
        assert!(!checked("GET", "/", &[], false));
        assert!(!checked(
            "GET",
            "/",
            &[("host", "localhost"), ("host", "localhost")],
            false
        ));
    }

    #[test]
    fn only_a_page_of_this_server_changes_something() {
        let json = ("content-type", "application/json");
        let host = ("host", "localhost:8001");
        let post = |fields: &[(&str, &str)]| {
            checked("POST", "/answers", &[&[host], fields].concat(), false)
        };
        assert!(post(&[json]));
        assert!(post(&[json, ("origin", "http://localhost:8001")]));
        assert!(post(&[json, ("sec-fetch-site", "same-origin")]));
        for origin in [
            "null",
            "http://evil.example",
            "http://localhost:3000",
            "https://localhost:8001",
            "http://127.0.0.1:8001",
            "",
        ] {
            assert!(!post(&[json, ("origin", origin)]), "{origin}");
        }
        assert!(!post(&[]));
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "application/json; a",
        ] {
            assert!(!post(&[("content-type", kind)]), "{kind}");
        }
        for site in ["cross-site", "same-site"] {
            assert!(!post(&[json, ("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn another_site_may_lead_to_the_page_and_reads_nothing() {
        let get = |path| {
            let fields = [("host", "localhost"), ("sec-fetch-site", "cross-site")];
            checked("GET", path, &fields, false)
        };
        assert!(get("/"));
        for path in ["/events", "/export", "/requests/1", "/answers", "/main.js"] {
            assert!(!get(path), "{path}");
        }
    }
}
