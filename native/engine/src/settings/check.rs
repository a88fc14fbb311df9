//! Turns the options as written into the settings that the engine works with.
//!
//! Checks everything that needs neither a file nor the network; the rest (certificates, keys, name
//! look-ups) is checked when the pool opens.

use std::net::Ipv6Addr;
use std::num::NonZeroUsize;
use std::time::Duration;

use queue::WhenBusy;
use transport::{BaseUrl, ConfigError, Warning, url};

use super::{PoolOptions, PoolSettings, STRATEGIES};

/// The longest timeout that Erlang itself supports, in milliseconds (49.7 days).
const LONGEST: u64 = u32::MAX as u64;

const HOST: &str = "connection.host";
const REQUEST_TIMEOUT: &str = "connection.request_timeout";
const QUEUE_LEN: &str = "max_worker_queue_len";

impl PoolOptions {
    /// Checks the options and fills in their defaults.
    ///
    /// # Errors
    ///
    /// Returns the first option that makes every request impossible.
    pub fn check(self) -> Result<(PoolSettings, Vec<Warning>), ConfigError> {
        let mut warnings = Vec::new();
        let base = base_url(&self.host, &mut warnings)?;
        url::join(&self.path_prefix, "")?;
        let workers = usize::try_from(self.workers)
            .ok()
            .and_then(NonZeroUsize::new)
            .ok_or_else(|| ConfigError::new("workers", "must be at least 1"))?;
        let when_busy = when_busy(&self.strategy)?;
        let max_waiting = self.max_waiting(workers, &mut warnings);
        let (request_timeout, call_timeout) = self.timeouts(&mut warnings)?;
        if self.http2 && !base.https {
            warnings.push(Warning::new(
                HOST,
                "HTTP/2 is spoken over https only; this pool uses HTTP/1.1",
            ));
        }
        if self.tls.is_some() && !base.https {
            warnings.push(Warning::new(
                "connection.tls",
                "has no effect, because connection.host begins with http://",
            ));
        }
        let settings = PoolSettings {
            http2: self.http2 && base.https,
            tls: base.https.then(|| self.tls.unwrap_or_default()),
            base,
            path_prefix: self.path_prefix,
            workers,
            when_busy,
            max_waiting,
            request_timeout,
            call_timeout,
        };
        Ok((settings, warnings))
    }

    fn max_waiting(&self, workers: NonZeroUsize, warnings: &mut Vec<Warning>) -> Option<usize> {
        let per_worker = self.max_worker_queue_len?;
        if self.strategy != "best_worker" {
            warnings.push(Warning::new(
                QUEUE_LEN,
                format!(
                    "has no effect with the strategy {}, only with best_worker",
                    self.strategy
                ),
            ));
            return None;
        }
        if per_worker == 0 {
            warnings.push(Warning::new(
                QUEUE_LEN,
                "is 0: a notification that finds every worker busy is rejected (the stock pool \
                 would refuse every one)",
            ));
        }
        let per_worker = usize::try_from(per_worker).unwrap_or(usize::MAX);
        Some(workers.get().saturating_mul(per_worker))
    }

    fn timeouts(&self, warnings: &mut Vec<Warning>) -> Result<(Duration, Duration), ConfigError> {
        if self.call_timeout == 0 {
            return Err(ConfigError::new("call_timeout", "must be at least 1 ms"));
        }
        for (option, value) in [
            ("call_timeout", self.call_timeout),
            (REQUEST_TIMEOUT, self.request_timeout),
        ] {
            if value > LONGEST {
                return Err(ConfigError::new(
                    option,
                    format!("{value} ms is too long; at most {LONGEST} ms"),
                ));
            }
        }
        if self.request_timeout == 0 {
            warnings.push(Warning::new(
                REQUEST_TIMEOUT,
                "is 0: requests are sent, but next to none gets its answer in time, and nearly all \
                 count as failed (request_timeout)",
            ));
        } else if self.request_timeout >= self.call_timeout {
            warnings.push(Warning::new(
                REQUEST_TIMEOUT,
                format!(
                    "{} ms is not lower than call_timeout ({} ms), which ends the request first",
                    self.request_timeout, self.call_timeout
                ),
            ));
        }
        Ok((
            Duration::from_millis(self.request_timeout),
            Duration::from_millis(self.call_timeout),
        ))
    }
}

fn when_busy(strategy: &str) -> Result<WhenBusy, ConfigError> {
    match strategy {
        "next_available_worker" => Ok(WhenBusy::Reject),
        known if STRATEGIES.contains(&known) => Ok(WhenBusy::Wait),
        other => Err(ConfigError::new(
            "strategy",
            format!("{other:?} is not one of {}", STRATEGIES.join(", ")),
        )),
    }
}

fn base_url(given: &str, warnings: &mut Vec<Warning>) -> Result<BaseUrl, ConfigError> {
    let bad = |what: &str| {
        ConfigError::new(
            HOST,
            format!("{what} in {given:?}; expected http[s]://name[:port]"),
        )
    };
    let (scheme, rest) = given.split_once("://").ok_or_else(|| bad("no scheme"))?;
    let https = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => return Err(bad("a scheme other than http and https")),
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    if !path.is_empty() && path != "/" {
        warnings.push(Warning::new(
            HOST,
            format!("{path:?} is ignored; a path belongs in connection.path_prefix"),
        ));
    }
    let authority = match authority.rsplit_once('@') {
        None => authority,
        Some((_, authority)) => {
            warnings.push(Warning::new(
                HOST,
                "user name and password are ignored; let the callback module's prepare_headers/7 \
                 set an authorization header",
            ));
            authority
        }
    };
    let (host, port) = host_and_port(authority, &bad)?;
    let port = match port {
        None if https => 443,
        None => 80,
        Some(digits) => match digits.parse() {
            Ok(port) if port != 0 && digits.bytes().all(|b| b.is_ascii_digit()) => port,
            _ => return Err(bad("no port between 1 and 65535")),
        },
    };
    Ok(BaseUrl { https, host, port })
}

fn host_and_port<'a>(
    authority: &'a str,
    bad: &dyn Fn(&str) -> ConfigError,
) -> Result<(String, Option<&'a str>), ConfigError> {
    if let Some(literal) = authority.strip_prefix('[') {
        let (address, port) = literal
            .split_once(']')
            .ok_or_else(|| bad("no closing bracket"))?;
        let address: Ipv6Addr = address.parse().map_err(|_| bad("no IPv6 address"))?;
        let port = match port {
            "" => None,
            port => Some(
                port.strip_prefix(':')
                    .ok_or_else(|| bad("something other than a port after the bracket"))?,
            ),
        };
        return Ok((address.to_string(), port));
    }
    let (host, port) = match authority.split_once(':') {
        None => (authority, None),
        Some((_, port)) if port.contains(':') => {
            return Err(bad("an IPv6 address without brackets"));
        }
        Some((host, port)) => (host, Some(port)),
    };
    if host.is_empty() {
        return Err(bad("no host name"));
    }
    if !host.is_ascii() {
        return Err(bad(
            "a host name that is not ASCII (write its xn-- form instead)",
        ));
    }
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    if !host.bytes().all(allowed) {
        return Err(bad("a character that no host name has"));
    }
    Ok((host.to_ascii_lowercase(), port))
}

#[cfg(test)]
mod tests;
