//! Settings and numbers as text, for people.

use std::fmt::Display;
use std::time::Duration;

use engine::settings::PoolSettings;
use queue::WhenBusy;
use transport::{TlsOptions, Verify};

/// For example `1 handler`, `2 handlers`.
pub(crate) fn counted<N: Copy + Display + PartialEq + From<u8>>(count: N, what: &str) -> String {
    let s = if count == N::from(1) { "" } else { "s" };
    format!("{count} {what}{s}")
}

/// For example `3 days`, `90 min`, `2 s`, `1.5 s`, `250 ms`.
pub(crate) fn duration(duration: Duration) -> String {
    let ms = duration.as_millis();
    // The largest unit of which there are two or more, and nothing left over.
    let units = [(86_400_000, "days"), (3_600_000, "h"), (60_000, "min")];
    let whole = |(unit, _): &(u128, &str)| ms >= 2 * unit && ms.is_multiple_of(*unit);
    if let Some((unit, name)) = units.into_iter().find(whole) {
        return format!("{} {name}", ms / unit);
    }
    if ms >= 1000 && ms.is_multiple_of(100) {
        let tenths = ms / 100;
        if tenths.is_multiple_of(10) {
            format!("{} s", tenths / 10)
        } else {
            format!("{}.{} s", tenths / 10, tenths % 10)
        }
    } else {
        format!("{ms} ms")
    }
}

/// The number of workers, and how many notifications may wait for one if that is bounded.
pub(crate) fn workers(settings: &PoolSettings) -> String {
    let workers = settings.workers;
    match (settings.when_busy, settings.max_waiting) {
        (WhenBusy::Reject, _) => format!("{workers}, none waits"),
        (WhenBusy::Wait, Some(limit)) => format!("{workers}, {limit} may wait"),
        (WhenBusy::Wait, None) => workers.to_string(),
    }
}

/// How a pool's connections are protected.
pub(crate) fn tls(settings: &PoolSettings) -> String {
    let Some(tls) = &settings.tls else {
        return "none (plain http)".to_owned();
    };
    let mut words = vec![verification(tls)];
    if let Some(certificate) = &tls.certfile {
        words.push(format!("client certificate {}", certificate.display()));
    }
    if let Some(name) = &tls.sni_host
        && tls.sni
    {
        words.push(format!("server name {name}"));
    }
    if !tls.sni {
        words.push("no server name sent or checked".to_owned());
    }
    if let Some(versions) = &tls.versions {
        words.push(versions.join(" or "));
    }
    if let Some(ciphers) = &tls.ciphers {
        words.push(format!("ciphers {ciphers}"));
    }
    if settings.http2 {
        words.push("HTTP/2".to_owned());
    }
    words.join(", ")
}

fn verification(tls: &TlsOptions) -> String {
    if tls.accept_any || tls.verify == Verify::None {
        return "server not verified".to_owned();
    }
    let against = match &tls.cacertfile {
        Some(file) => file.display().to_string(),
        None => "the system's certificates".to_owned(),
    };
    match tls.verify {
        Verify::SelfsignedPeer => {
            format!("server verified against {against}, or self-signed")
        }
        _ => format!("server verified against {against}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{counted, duration};
    use std::time::Duration;

    #[test]
    fn one_and_many() {
        let texts = [0, 1, 2].map(|count: u64| counted(count, "dead letter"));
        assert_eq!(texts, ["0 dead letters", "1 dead letter", "2 dead letters"]);
    }

    #[test]
    fn durations() {
        for (ms, text) in [
            (0, "0 ms"),
            (250, "250 ms"),
            (2000, "2 s"),
            (1500, "1.5 s"),
            (1234, "1234 ms"),
            (60_000, "60 s"),
            (121_000, "121 s"),
            (120_000, "2 min"),
            (86_400_000, "24 h"),
            (259_200_000, "3 days"),
        ] {
            assert_eq!(duration(Duration::from_millis(ms)), text);
        }
    }
}
