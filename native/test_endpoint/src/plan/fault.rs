//! The names of everything the test endpoint can do wrong on purpose.
//!
//! `tls_faults`, `h1::faults` and `http2::faults` play them; this file has only their names, and whether
//! they apply to connections or to requests.

/// What a fault applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The listener itself; only as part of the plan for everything.
    Listener,
    /// The next connection, when it is accepted.
    Connection,
    /// The next request, when its head has been read.
    Request,
}

macro_rules! faults {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $level:ident;)*) => {
        /// Something that the test endpoint does wrong on purpose.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Fault { $($(#[$doc])* $variant,)* }

        impl Fault {
            /// Every fault there is, in the order of this type.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name used in plan texts.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// The fault of that name.
            #[must_use]
            pub fn by_name(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$variant),)* _ => None }
            }

            pub(crate) const fn level(self) -> Level {
                match self { $(Self::$variant => Level::$level,)* }
            }
        }
    };
}

faults! {
    /// The listener is closed: connecting is refused. Open connections go on as if without fault.
    Refuse = "refuse", Listener;
    /// The kernel drops attempts to connect: they neither succeed nor fail. Open connections go on as
    /// if without fault.
    ConnectStall = "connect-stall", Listener;

    /// Accepts and closes at once (FIN).
    AcceptClose = "accept-close", Connection;
    /// Accepts and resets at once (RST).
    AcceptReset = "accept-reset", Connection;
    /// Accepts, then neither reads nor writes.
    AcceptStall = "accept-stall", Connection;
    /// Closes when the `ClientHello` has arrived.
    TlsClose = "tls-close", Connection;
    /// Answers the `ClientHello` with bytes that are not TLS, then closes.
    TlsGarbage = "tls-garbage", Connection;
    /// Reads the `ClientHello` and never answers.
    TlsStall = "tls-stall", Connection;
    /// Answers the `ClientHello` with the fatal alert `handshake_failure`.
    TlsAlert = "tls-alert", Connection;
    /// Sends half of its part of the handshake, then closes.
    TlsCloseInHello = "tls-close-in-hello", Connection;
    /// Sends half of its part of the handshake, then holds.
    TlsStallInHello = "tls-stall-in-hello", Connection;
    /// Sends its part of the handshake, then closes without reading the client's. In TLS 1.3 the
    /// client has sent its first request by then.
    TlsCloseAfterHello = "tls-close-after-hello", Connection;
    /// HTTP/2: answers the first request with GOAWAY whose last stream is 0 (not processed, safe to
    /// repeat), then closes.
    H2GoawayUnserved = "h2-goaway-unserved", Connection;

    /// Reads the head and half of the body, then closes.
    CloseInRequest = "close-in-request", Request;
    /// Reads the head, then holds before it reads the body; goes on when released.
    StallInRequest = "stall-in-request", Request;
    /// HTTP/1: answers when the head has been read, and closes with the body unread.
    EarlyAnswer = "early-answer", Request;
    /// Reads the whole request and closes without a byte of an answer.
    CloseBeforeHead = "close-before-head", Request;
    /// Reads the whole request and resets the connection (RST).
    ResetBeforeHead = "reset-before-head", Request;
    /// Closes in the middle of the status line.
    CloseInStatus = "close-in-status", Request;
    /// Closes in the middle of the answer's headers.
    CloseInHead = "close-in-head", Request;
    /// Closes in the middle of the answer's body.
    CloseInBody = "close-in-body", Request;
    /// Resets the connection (RST) in the middle of the answer's body.
    ResetInBody = "reset-in-body", Request;
    /// Holds before the first byte of the answer; goes on when released.
    StallBeforeHead = "stall-before-head", Request;
    /// Holds in the middle of the answer's headers; goes on when released.
    StallInHead = "stall-in-head", Request;
    /// Holds in the middle of the answer's body; goes on when released.
    StallInBody = "stall-in-body", Request;
    /// Sends the answer one byte at a time, `interval` apart.
    Slow = "slow", Request;
    /// Answers with bytes that are not HTTP, then closes.
    Garbage = "garbage", Request;
    /// Answers as HTTP/1.0 without a length: the close ends the body.
    Http10Close = "http10-close", Request;
    /// Answers as HTTP/1.0 with a length, then closes.
    Http10Length = "http10-length", Request;
    /// Sends `100 Continue` before the answer, asked for or not.
    Continue100 = "continue-100", Request;
    /// Sends `103 Early Hints` before the answer.
    Early103 = "early-103", Request;
    /// Sends a body with a status that must not have one (204 unless the plan says 304).
    ForbiddenBody = "forbidden-body", Request;
    /// Answers with a chunked body.
    Chunked = "chunked", Request;
    /// Answers with a chunked body and trailers.
    ChunkedTrailers = "chunked-trailers", Request;
    /// `content-length` is larger than the body; closes after the body.
    LengthLong = "length-long", Request;
    /// `content-length` is smaller than the body; the connection stays open.
    LengthShort = "length-short", Request;
    /// Two `content-length` headers that differ.
    LengthTwoDifferent = "length-two-different", Request;
    /// Two `content-length` headers with the same value.
    LengthTwoSame = "length-two-same", Request;
    /// One header of `size` bytes (1 MiB).
    HugeHeader = "huge-header", Request;
    /// `count` headers (10,000).
    ManyHeaders = "many-headers", Request;
    /// A body that never ends.
    EndlessBody = "endless-body", Request;
    /// Headers that never end.
    EndlessHead = "endless-head", Request;
    /// Answers with `connection: close` and closes.
    ConnectionClose = "connection-close", Request;
    /// Answers as if to keep the connection, then closes it.
    SilentClose = "silent-close", Request;
    /// Answers, then neither reads nor writes nor closes; closes when released.
    SilentDeath = "silent-death", Request;
    /// HTTP/2: sends GOAWAY, serves this request, then ends the connection.
    H2Goaway = "h2-goaway", Request;
    /// HTTP/2: sends GOAWAY with `ENHANCE_YOUR_CALM` and ends without answering.
    H2GoawayError = "h2-goaway-error", Request;
    /// HTTP/2: resets the stream with `INTERNAL_ERROR` instead of answering.
    H2Reset = "h2-reset", Request;
    /// HTTP/2: resets the stream with `REFUSED_STREAM` (not processed, safe to repeat).
    H2Refused = "h2-refused", Request;
    /// HTTP/2: resets the stream in the middle of the answer's body.
    H2ResetInBody = "h2-reset-in-body", Request;
}

impl Fault {
    /// Whether the fault holds until `release`.
    pub(crate) const fn stalls(self) -> bool {
        matches!(
            self,
            Self::AcceptStall
                | Self::TlsStall
                | Self::TlsStallInHello
                | Self::StallInRequest
                | Self::StallBeforeHead
                | Self::StallInHead
                | Self::StallInBody
                | Self::SilentDeath
        )
    }

    pub(crate) const fn needs_tls(self) -> bool {
        matches!(
            self,
            Self::TlsClose
                | Self::TlsGarbage
                | Self::TlsStall
                | Self::TlsAlert
                | Self::TlsCloseInHello
                | Self::TlsStallInHello
                | Self::TlsCloseAfterHello
        )
    }

    pub(crate) const fn needs_http2(self) -> bool {
        matches!(
            self,
            Self::H2GoawayUnserved
                | Self::H2Goaway
                | Self::H2GoawayError
                | Self::H2Reset
                | Self::H2Refused
                | Self::H2ResetInBody
        )
    }
}
